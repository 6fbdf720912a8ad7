"""The built-in executors: run cells in this process, or each in a child process."""
