"""An environment of its own for a peer package, and a process in it that answers questions.

    python tests/benchmarks/peers/environment.py FOLDER DATA.npz

makes or finds the environment in FOLDER, times everything, and prints a JSON object a line.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

HERE = Path(__file__).parent
REQUIREMENTS, SCRIPT = HERE / "requirements.txt", HERE / "emlp_reference.py"
PYTHON = "python3.11"  # the newest for which all of these versions have wheels
STEPS = ("mlp 384 500", "emlp 384 500", "mlp-hnn 128 500", "emlp-hnn 128 500")
LIMIT = 180.0  # CPU seconds of a basis
OUT_OF_TIME = "out of time"
ENDS = {signal.SIGPROF: OUT_OF_TIME, signal.SIGKILL: "out of memory"}  # by which signal
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
        self._command = [str(interpreter(folder)), str(SCRIPT), str(data), str(LIMIT)]
        self._process = self._started()

    def _started(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self._command, env={**os.environ, **ONE_THREAD}, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def __call__(self, name: str) -> dict[str, Any]:
        """Return the answer; ``error`` in it is what the package raised, or which limit it met.

        A process that has met one of ``ENDS`` is started again.

        Raises:
            PeerMissingError: the process has ended otherwise.
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
            return self._ended(name)
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _ended(self, name: str) -> dict[str, Any]:
        self._process.communicate()
        if (reason := ENDS.get(-self._process.returncode)) is None:
            raise PeerMissingError(f"the peer's process ended at {name!r}")
        self._process = self._started()
        return {"error": reason}

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
