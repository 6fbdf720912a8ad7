"""The event hooks of a run -> one MLflow run for it, and one nested in it for each cell."""

from __future__ import annotations

import logging
import os
import time
from datetime import datetime
from typing import Any

from symbench import hookimpl
from symbench_mlflow.content import metrics, params, status, tags, text

_log = logging.getLogger(__name__)
_BATCH, _FEW = 1000, 100  # metrics, and params or tags, that MLflow takes at once


class Reporter:
    """Writes to MLFLOW_TRACKING_URI, into the experiment MLFLOW_EXPERIMENT_NAME (``symbench``).

    A run's name, status, parameters, metrics and tags: see ``symbench_mlflow.content``. The first
    thing that goes wrong is told in one warning, and ends the reporting, not the run.
    """

    def __init__(self) -> None:
        self._broken = False
        self._client: Any = None
        self._experiment = ""
        self._parent = ""
        self._run: Any = None

    @hookimpl
    def symbench_run_started(self, run: Any) -> None:
        """Open the MLflow run that the cells nest in."""
        self._run = run
        self._guarded(self._open)

    @hookimpl
    def symbench_cell_finished(self, cell: Any, record: Any) -> None:
        """Write one cell as a nested MLflow run; a reused cell too, tagged as such."""
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
                "pip install 'symbench[mlflow]', or unset it", text(str(error), 500)
            )  # fmt: skip
        except Exception as error:  # a server may answer, or fail to, in any way
            self._broken = True
            why = text(f"{type(error).__name__}: {error}", 500)
            _log.warning("MLflow gets nothing more of this run: %s", why)

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
    """Return when the cell started and ended, in milliseconds; now, if it does not say."""
    try:
        start = datetime.fromisoformat(record.provenance["started"]).timestamp()
        end = start + float(record.provenance["seconds"])
    except (KeyError, TypeError, ValueError):
        start = end = time.time()
    return round(1000 * start), round(1000 * end)
