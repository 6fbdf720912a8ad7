"""From ``symbench new`` to a verified row, through the command line of a fresh environment."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
GUIDE = ROOT / "plugins" / "README.md"
NAME = "dot-products"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not GUIDE.is_file(), reason="needs the source tree"),
]


class Lab:
    """A directory to work in and an environment of its own, where only wheels are installed."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.bin = place / "env" / "bin"
        self.python = self.bin / "python"
        self("-m", "venv", "--without-pip", str(place / "env"), program=Path(sys.executable))
        # what symbench depends on is taken from the environment of the tests, and nothing else is:
        # of two installations of a package the new environment's own is found first
        below = sysconfig.get_path("purelib")
        own = self("-c", "import sysconfig; print(sysconfig.get_path('purelib'))").stdout.strip()
        (Path(own) / "below.pth").write_text(f"{below}\n")

    def __call__(self, *arguments: str, program: Path | None = None) -> subprocess.CompletedProcess:
        """Run the environment's Python, or a program, and return what it did."""
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("SYMBENCH_", "PYTHON", "PIP_"))
        }
        environment |= {"PATH": f"{self.bin}{os.pathsep}{os.environ['PATH']}"}
        done = subprocess.run(
            [str(program or self.python), *arguments], cwd=self.place, env=environment,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{arguments}\n{done.stdout}\n{done.stderr}"
        return done

    def install(self, source: Path) -> None:
        """Build a wheel of a source tree without the network, and install it."""
        options = ("--no-index", "--no-deps", "--no-build-isolation", "--quiet")
        wheels = self.place / f"wheel-of-{source.name}"
        here = Path(sys.executable)
        self("-m", "pip", "wheel", *options, "-w", str(wheels), str(source), program=here)
        (wheel,) = wheels.glob("*.whl")
        command = (
            "-m",
            "pip",
            "--python",
            str(self.python),
            "install",
            *options[:2],
            "--force-reinstall",
            "--quiet",
        )
        self(*command, str(wheel), program=here)

    def symbench(self, *arguments: str) -> str:
        """Run the installed command and return its standard output."""
        return self(*arguments, program=self.bin / "symbench").stdout


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    pytest.importorskip("hatchling", reason="builds the wheel")
    pytest.importorskip("pip", reason="installs it")
    fresh = Lab(tmp_path_factory.mktemp("lab"))
    fresh.install(ROOT)
    return fresh


def edited(package: Path) -> None:
    """Put the worked example of the guide in the place of the generated module."""
    (module,) = package.glob("symbench_*.py")
    (example,) = re.findall(
        r"`dot_products\.py`:\n\n```python\n(.*?)```", GUIDE.read_text(), flags=re.DOTALL
    )
    assert module.read_text() != example
    module.write_text(example)


def test_a_new_package_is_ranked_published_and_verified(lab):
    assert lab("-c", "import symbench; print(symbench.__file__)").stdout.startswith(str(lab.place))

    assert lab.symbench("show", "n to solve").startswith("column n to solve")  # the glossary ships

    lab.symbench("new", "model", NAME)
    edited(lab.place / NAME)
    lab.install(lab.place / NAME)
    listed = json.loads(lab.symbench("list", "plugins", "--json"))
    assert "symbench_dot_products" in json.dumps(listed)
    lab.symbench("check", NAME)

    lab.symbench(
        "run", "-t", "o5-invariant", "-m", NAME, "-m", "mlp",
        "--tier", "smoke", "--seeds", "5", "--device", "cpu", "--store", "results",
    )  # fmt: skip
    table = json.loads(
        lab.symbench("leaderboard", "--store", "results", "--tier", "smoke", "--format", "json")
    )
    own, plain = sorted(table["rows"], key=lambda row: row["model"])
    assert (own["model"], plain["model"]) == (NAME, "mlp")
    assert own["rank"] == {"low": 1, "high": 1}
    assert plain["rank"] == {"low": 2, "high": 2}
    assert own["group"] != plain["group"]
    assert own["scores"]["equivariance_error"]["value"] < 1e-6

    lab.symbench("publish", "--store", "results", "--tier", "smoke", "--to", "publication")
    assert NAME in (lab.place / "publication" / "README.md").read_text()

    verdict = lab.symbench("verify", "publication", "--cells", "2", "--seed", "7").splitlines()
    assert verdict[0] == "verified (2 of 2 cells; 5 seeds, tier smoke has 2)"
    assert f"o5-invariant {NAME}: verified, every score within 1e-6" in verdict
