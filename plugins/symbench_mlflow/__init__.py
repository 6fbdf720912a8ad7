"""Reports runs to MLflow, by event hooks only. Inactive unless MLFLOW_TRACKING_URI is set."""

from __future__ import annotations

import os
from typing import Any

from symbench import hookimpl


@hookimpl
def symbench_register(registry: Any) -> None:
    """Register the reporter if the user has named an MLflow server or directory."""
    if os.environ.get("MLFLOW_TRACKING_URI"):
        from symbench_mlflow.reporter import Reporter

        registry.reporter(Reporter())
