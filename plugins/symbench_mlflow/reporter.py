"""Report a run to MLflow by the event hooks: one MLflow run, and a nested one for each cell."""

from __future__ import annotations

import logging
import os
import time
from datetime import datetime
from typing import Any

from symbench import hookimpl
from symbench_mlflow.content import metrics, params, status, tags, text

_log = logging.getLogger(__name__)
_BATCH, _FEW = 1000, 100  # MLflow limits of metrics, and of params or tags, per request


class Reporter:
    """Writes to MLFLOW_TRACKING_URI, into the experiment MLFLOW_EXPERIMENT_NAME (``symbench``).

    ``symbench_mlflow.content`` defines the status, parameters, metrics and tags of a run. The first
    failure logs one warning and ends the reporting, not the run.
    """

    def __init__(self) -> None:
        self._broken = False
        self._client: Any = None
        self._experiment = ""
        self._parent = ""
        self._run: Any = None

    @hookimpl
    def symbench_run_started(self, run: Any) -> None:
        """Start the MLflow run that contains those of the cells."""
        self._run = run
        self._guarded(self._open)

    @hookimpl
    def symbench_cell_finished(self, cell: Any, record: Any) -> None:
        """Write one cell as a nested MLflow run; a reused cell is tagged as such."""
        self._guarded(self._write, cell, record)

    @hookimpl
    def symbench_run_finished(self, run: Any) -> None:
        """Close the MLflow run."""
        ended = {0: "FINISHED", 130: "KILLED"}.get(run.exit_code, "FAILED")
        self._guarded(self._close, ended)

    def _guarded(self, step: Any, *arguments: Any) -> None:
        if self._broken:
            return
        try:
            step(*arguments)
        except ImportError as error:
            self._broken = True
            _log.warning(
                "MLFLOW_TRACKING_URI is set, but MLflow cannot be imported (%s): "
                "run pip install 'symbench[mlflow]', or unset the variable", text(str(error), 500)
            )  # fmt: skip
        except Exception as error:  # a server may fail in any way
            self._broken = True
            why = text(f"{type(error).__name__}: {error}", 500)
            _log.warning("reporting to MLflow has stopped, and the run continues: %s", why)

    def _open(self) -> None:
        from mlflow.tracking import MlflowClient

        self._client = MlflowClient()
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or "symbench"
        known = self._client.get_experiment_by_name(name)
        self._experiment = known.experiment_id if known else self._client.create_experiment(name)
        own = {
            "mlflow.runName": f"symbench {self._run.name}",
            "symbench.run": self._run.name,
            "symbench.store": text(str(self._run.store)),
            "symbench.cells": str(len(self._run.cells)),
        }
        self._parent = self._client.create_run(self._experiment, tags=own).info.run_id

    def _write(self, cell: Any, record: Any) -> None:
        from mlflow.entities import Metric, Param, RunTag

        started, ended = _times(record)
        reused = bool(self._run.outcomes) and bool(self._run.outcomes[-1].reused)
        every = {**tags(record), "mlflow.parentRunId": self._parent}
        own = {"mlflow.runName": text(f"{cell.task} {cell.model}"), "symbench.reused": str(reused)}
        run = self._client.create_run(self._experiment, start_time=started, tags=own).info.run_id
        points = [Metric(name, value, ended, step) for name, step, value in metrics(record)]
        for batch in _parts(points, _BATCH):
            self._client.log_batch(run, metrics=batch)
        for batch in _parts([Param(*item) for item in params(record).items()], _FEW):
            self._client.log_batch(run, params=batch)
        for batch in _parts([RunTag(*item) for item in every.items()], _FEW):
            self._client.log_batch(run, tags=batch)
        self._client.set_terminated(run, status(record), end_time=ended)

    def _close(self, ended: str) -> None:
        self._client.set_terminated(self._parent, ended)


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
