"""An environment of its own for a peer package, and a process in it that answers questions.

    python tests/benchmarks/peers/environment.py FOLDER DATA.npz

makes or finds the environment in FOLDER, times everything, and prints a JSON object a line.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

HERE = Path(__file__).parent
REQUIREMENTS, SCRIPT = HERE / "requirements.txt", HERE / "emlp_reference.py"
PYTHON = "python3.11"  # the newest for which all of these versions have wheels
STEPS = ("mlp 384 500", "emlp 384 500", "mlp-hnn 128 500", "emlp-hnn 128 500")
ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
    "JAX_PLATFORMS": "cpu",
}


class PeerMissingError(RuntimeError):
    """The peer cannot be installed here; the message says why."""


def interpreter(folder: Path) -> Path:
    """Return the Python of the peer's environment in ``folder``, made if it is not there.

    Its name holds the digest of the requirements, and a mark is set when all of them are installed:
    what an interrupted installation has left is made anew.

    Raises:
        PeerMissingError: no such Python, or an installation that fails.
    """
    home = folder / hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:16]
    python, mark = home / "bin" / "python", home / "complete"
    if mark.exists():
        return python
    if (base := shutil.which(PYTHON)) is None:
        raise PeerMissingError(f"no {PYTHON} here, which the peer's versions need")
    install = [str(python), "-m", "pip", "install", "--quiet", "--requirement", str(REQUIREMENTS)]
    for command in ([base, "-m", "venv", "--clear", str(home)], install):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            lines = done.stderr.strip().splitlines() or ["no message"]
            raise PeerMissingError(f"the peer does not install: {lines[-1]}")
    mark.touch()
    return python


class Peer:
    """The peer's process: ``peer("emlp 384 500")`` times one thing there and returns the answer."""

    def __init__(self, folder: Path, data: Path) -> None:
        self._process = subprocess.Popen(
            [str(interpreter(folder)), str(SCRIPT), str(data)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env={**os.environ, **ONE_THREAD},
        )  # fmt: skip

    def __call__(self, name: str) -> dict[str, Any]:
        """Return the answer; ``error`` in it is what the package raised.

        Raises:
            PeerMissingError: the process has ended.
        """
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        try:
            print(name, file=stdin, flush=True)
            line = stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise PeerMissingError(f"the peer's process ended at {name!r}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()


def main(folder: str, data: str) -> None:
    """Time all that is compared, and print an answer a line."""
    with Peer(Path(folder), Path(data)) as peer:
        for name in [*STEPS, *peer("bases")["names"]]:
            print(json.dumps({"name": name, **peer(name)}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:3])
