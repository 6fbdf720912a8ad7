"""Laws of every registered class: listing it is fast, and it can be sent to a worker process."""

from __future__ import annotations

import pickle
import subprocess
import sys
from functools import lru_cache
from importlib.metadata import entry_points

from symbench.testing.conformance import Law, Skipped, Subject
from symbench.testing.laws import require

_TORCH_LOADED = 7  # exit code of the child; not 0, nor that of an exception


def it_can_be_sent_to_a_worker(subject: Subject) -> None:
    """The configured object can be pickled, because a worker process receives it that way."""
    thing = subject.card.load()
    if subject.card.kind == "model":
        thing = thing.for_tier("smoke")
    elif subject.card.kind == "metric":
        thing = thing()
    try:
        again = pickle.loads(pickle.dumps(thing))  # noqa: S301 - bytes that were pickled here
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise AssertionError(
            f"it cannot be pickled: {error}; define it at the top of a module"
        ) from error
    require(type(again) is type(thing), f"after pickling it is a {type(again).__name__}")


def listing_it_loads_no_torch(subject: Subject) -> None:
    """Importing its plugin does not import torch: the plugin registers an import string."""
    if not isinstance(subject.card.target, str):
        raise Skipped("its plugin registers the class itself, so listing has to import the class")
    modules = [e.value for e in entry_points(group="symbench", name=subject.card.plugin)]
    if not modules:
        raise Skipped("its plugin is a file, which listing imports completely")
    require(not loads_torch(modules[0]), f"importing {modules[0]} loads torch: import it on use")


@lru_cache
def loads_torch(module: str) -> bool:
    """Whether a fresh interpreter that imports the module has torch loaded."""
    code = (
        "import importlib, sys; importlib.import_module(sys.argv[1]); "
        f"sys.exit({_TORCH_LOADED} if 'torch' in sys.modules else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code, module], capture_output=True, check=False)  # noqa: S603
    require(done.returncode in (0, _TORCH_LOADED), f"{module} cannot be imported by itself")
    return done.returncode == _TORCH_LOADED


LAWS: tuple[Law, ...] = (listing_it_loads_no_torch, it_can_be_sent_to_a_worker)
