"""Report a run to MLflow by the event hooks: one MLflow run, and a nested one for each cell."""

from __future__ import annotations

import os
import time
from datetime import datetime
from functools import partial
from typing import Any

from symbench import hookimpl
from symbench_mlflow.content import metrics, params, status, tags, text
from symbench_mlflow.sender import Sender, check_reachable

_BATCH, _FEW = 1000, 100  # MLflow limits of metrics, and of params or tags, per request


class Reporter:
    """Writes to MLFLOW_TRACKING_URI, into the experiment MLFLOW_EXPERIMENT_NAME (``symbench``).

    ``symbench_mlflow.content`` defines the status, parameters, metrics and tags of a run. The hooks
    only queue what is to be sent; the last one waits until it is sent, as long as the server
    answers. The first failure logs one warning and ends the reporting, not the run.
    """

    def __init__(self) -> None:
        self._sender = Sender()
        self._client: Any = None
        self._experiment = ""
        self._parent = ""
        self._run: Any = None

    @hookimpl
    def symbench_run_started(self, run: Any) -> None:
        """Start the MLflow run that contains those of the cells."""
        self._run = run
        self._sender = Sender()
        self._sender.start()
        self._sender.send(self._open)

    @hookimpl
    def symbench_cell_finished(self, cell: Any, record: Any) -> None:
        """Write one cell as a nested MLflow run; a reused cell is tagged as such."""
        reused = bool(self._run.outcomes) and bool(self._run.outcomes[-1].reused)
        self._sender.send(partial(self._write, cell, record, reused=reused))

    @hookimpl
    def symbench_run_finished(self, run: Any) -> None:
        """Close the MLflow run."""
        ended = {0: "FINISHED", 130: "KILLED"}.get(run.exit_code, "FAILED")
        self._sender.send(partial(self._close, ended))
        self._sender.finish()

    def _call(self, method: str, *arguments: Any, **keywords: Any) -> Any:
        answer = getattr(self._client, method)(*arguments, **keywords)
        self._sender.moved()
        return answer

    def _open(self) -> None:
        check_reachable()
        from mlflow.tracking import MlflowClient

        self._client = MlflowClient()
        self._sender.moved()
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or "symbench"
        known = self._call("get_experiment_by_name", name)
        self._experiment = known.experiment_id if known else self._call("create_experiment", name)
        own = {
            "mlflow.runName": f"symbench {self._run.name}",
            "symbench.run": self._run.name,
            "symbench.store": text(str(self._run.store)),
            "symbench.cells": str(len(self._run.cells)),
        }
        self._parent = self._call("create_run", self._experiment, tags=own).info.run_id

    def _write(self, cell: Any, record: Any, *, reused: bool) -> None:
        from mlflow.entities import Metric, Param, RunTag

        started, ended = _times(record)
        every = {**tags(record), "mlflow.parentRunId": self._parent}
        own = {"mlflow.runName": text(f"{cell.task} {cell.model}"), "symbench.reused": str(reused)}
        made = self._call("create_run", self._experiment, start_time=started, tags=own)
        run = made.info.run_id
        points = [Metric(name, value, ended, step) for name, step, value in metrics(record)]
        for batch in _parts(points, _BATCH):
            self._call("log_batch", run, metrics=batch)
        for batch in _parts([Param(*item) for item in params(record).items()], _FEW):
            self._call("log_batch", run, params=batch)
        for batch in _parts([RunTag(*item) for item in every.items()], _FEW):
            self._call("log_batch", run, tags=batch)
        self._call("set_terminated", run, status(record), end_time=ended)

    def _close(self, ended: str) -> None:
        self._call("set_terminated", self._parent, ended)


def _parts(items: list[Any], most: int) -> list[list[Any]]:
    return [items[first : first + most] for first in range(0, len(items), most)]


def _times(record: Any) -> tuple[int, int]:
    """Return the start and end of the cell in milliseconds, or now if the record lacks them."""
    try:
        start = datetime.fromisoformat(record.provenance["started"]).timestamp()
        end = start + float(record.provenance["seconds"])
    except (KeyError, TypeError, ValueError):
        start = end = time.time()
    return round(1000 * start), round(1000 * end)
