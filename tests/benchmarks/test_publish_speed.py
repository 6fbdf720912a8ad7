"""Publishing a store, site included, against only reading it.

pytest tests/benchmarks/test_publish_speed.py --benchmark-enable
"""

from __future__ import annotations

import time
from statistics import median

import pytest

from symbench.cli.publish import write
from symbench.records.record import Failure, Identity, Record, TrialRecord
from symbench.records.store import Store, records_of

TASKS, MODELS, SCORES = 40, 25, 12


def cell(task, model):
    """Return a cell as the quick tier has them: of three models one is declined or more."""
    identity = Identity(
        task=f"task-{task}", task_version="1", task_fingerprint="", model=f"model-{model}",
        model_version="1", model_source_sha256="", config={"width": 32, "depth": 3}, tier="quick",
        sizes=[100, 1000], seeds=[0, 1, 2, 3, 4],
        protocol={"version": "1", "updates": 350, "prior": "none", "chance_error": 1.0,
                  "threshold": 0.05, "baseline": "model-0"},
    )  # fmt: skip
    came = {"started": f"2026-01-01T00:{task:02}:{model:02}+00:00", "seconds": 1.0}
    if (task + model) % 3:
        declined = Failure(type="Declined", message="takes other data")
        return Record(identity=identity, status="declined", error=declined, provenance=came)
    trials = [
        TrialRecord(
            n_train=n, seed=seed, status="ok", cost={"parameters": 1e4, "train_seconds": 0.5},
            scores={"error": (1 + model) / n * (1 + 0.1 * seed),
                    **{f"own.score-{i}": 0.1 * i + 0.01 * seed for i in range(SCORES)}},
        )
        for n in identity.sizes for seed in identity.seeds
    ]  # fmt: skip
    return Record(identity=identity, status="ok", trials=trials, provenance=came)


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "store")
    store.check_writable()
    for task in range(TASKS):
        for model in range(MODELS):
            record = cell(task, model)
            (store.cells / f"{record.key}.json").write_text(record.to_json())
    return store


@pytest.mark.slow
def test_publishing_against_reading(benchmark, store, tmp_path):
    def seconds(work):
        started = time.process_time()
        work()
        return time.process_time() - started

    def publish():
        write([store], "quick", lambda identity: False, tmp_path / "to")

    ratios = []

    def both():
        ratios.append(seconds(publish) / seconds(lambda: records_of([store])))

    publish()  # compiles the templates
    benchmark.pedantic(both, rounds=3)
    benchmark.extra_info |= {
        "what": f"publishing {TASKS * MODELS} cells, site included, against only reading them",
        "ratio": median(ratios),
    }
    assert (tmp_path / "to" / "index.html").is_file()
