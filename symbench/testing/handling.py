"""What the engine needs of any registered thing: it lists fast, and travels to a worker."""

from __future__ import annotations

import pickle
import subprocess
import sys
from functools import lru_cache
from importlib.metadata import entry_points

from symbench.testing.conformance import Law, Skipped, Subject
from symbench.testing.laws import require

_TORCH_LOADED = 7  # exit code of the child, beside 0 and that of an exception


def it_can_be_sent_to_a_worker(subject: Subject) -> None:
    """The configured object survives pickling, as it must to reach another process."""
    thing = subject.card.load()
    if subject.card.kind == "model":
        thing = thing.for_tier("smoke")
    elif subject.card.kind == "metric":
        thing = thing()
    try:
        again = pickle.loads(pickle.dumps(thing))  # noqa: S301 - our own bytes of a moment ago
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise AssertionError(f"it cannot be pickled: {error}") from error
    require(type(again) is type(thing), f"it comes back as {type(again).__name__}")


def listing_it_loads_no_torch(subject: Subject) -> None:
    """Importing its plugin leaves torch alone: it registers an import string with a card."""
    if not isinstance(subject.card.target, str):
        raise Skipped("its plugin registers the class itself, which listing has to import")
    modules = [e.value for e in entry_points(group="symbench", name=subject.card.plugin)]
    if not modules:
        raise Skipped("its plugin is a file, which is imported whole")
    require(not loads_torch(modules[0]), f"importing {modules[0]} loads torch: import it later")


@lru_cache
def loads_torch(module: str) -> bool:
    """Whether a fresh interpreter that imports the module has torch loaded."""
    code = (
        "import importlib, sys; importlib.import_module(sys.argv[1]); "
        f"sys.exit({_TORCH_LOADED} if 'torch' in sys.modules else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code, module], capture_output=True, check=False)  # noqa: S603
    require(done.returncode in (0, _TORCH_LOADED), f"{module} cannot be imported alone")
    return done.returncode == _TORCH_LOADED


LAWS: tuple[Law, ...] = (listing_it_loads_no_torch, it_can_be_sent_to_a_worker)
