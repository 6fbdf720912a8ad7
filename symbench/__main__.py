"""``python -m symbench``."""

from symbench.cli import main

if __name__ == "__main__":
    main()
