"""The first boards appear while a run goes on."""

from __future__ import annotations

from types import SimpleNamespace

from made_records import cell as record_of

from symbench.cli.first_tables import FirstTables


def replay(tasks: list[str], families: dict[str, str]) -> list[str]:
    """Run two models on each task; return what was written."""
    records = [
        record_of(model, identity={"task": task}) for task in tasks for model in ("mlp", "emlp")
    ]
    cells = [
        SimpleNamespace(
            task=r.identity.task, model=r.identity.model, identity=r.identity, reason=None
        )
        for r in records
    ]
    run = SimpleNamespace(cells=cells, outcomes=[], records=[], interrupted=False)
    written: list[str] = []
    reporter = FirstTables(families, written.append, 100)
    reporter.symbench_run_started(run)
    for cell, record in zip(cells, records, strict=True):
        run.outcomes.append(None)
        run.records.append(record)
        reporter.symbench_cell_finished(cell, record)
    return written


def test_the_board_of_the_first_task_of_a_family_is_written_as_soon_as_it_is_done():
    written = replay(["o5", "o6", "csl"], {"o5": "vectors", "o6": "vectors", "csl": "graphs"})
    (board,) = written  # csl is the last task, whose board follows with the others
    assert board.startswith("o5 · quick")
    assert "emlp" in board
    assert "prior: what the model knew" not in board


def test_a_run_of_one_task_has_its_board_at_its_end():
    assert replay(["o5"], {"o5": "vectors"}) == []
