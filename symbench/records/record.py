"""The record of a cell: everything known about it, as one JSON document (schema 1)."""

from __future__ import annotations

import hashlib
import json
import traceback
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    FailFast,
    Field,
    FiniteFloat,
    SerializerFunctionWrapHandler,
    model_serializer,
)

from symbench.errors import message_of
from symbench.files import parse_json

Status = Literal["ok", "failed", "timeout", "oom", "crashed", "diverged", "declined", "interrupted"]
_MESSAGE_LIMIT, _TRACEBACK_LIMIT = 2000, 10_000  # characters
FINISHED: frozenset[str] = frozenset({"ok", "declined"})


_MOST_SCORES = 1000


def _few(scores: Any) -> Any:
    """Refuse what has too many entries before each of them is checked."""
    if isinstance(scores, dict) and len(scores) > _MOST_SCORES:
        raise ValueError(f"more than {_MOST_SCORES} entries")
    return scores


_Numbers = Annotated[dict[str, FiniteFloat], BeforeValidator(_few)]


class _Document(BaseModel):
    model_config = ConfigDict(
        extra="allow",
        protected_namespaces=(),
        ser_json_inf_nan="constants",  # json.dumps refuses them; by default they would become null
    )


class Identity(_Document):
    """What a cell is: equal identities are the same experiment.

    The hash of the identity is the cell's key. Identities of earlier releases have no
    ``task_source_sha256``; it is absent from their JSON and from their key.
    """

    model_config = ConfigDict(frozen=True)  # because ``key`` is cached

    task: str
    task_version: str
    task_fingerprint: str
    task_source_sha256: str | None = None
    model: str
    model_version: str
    model_source_sha256: str
    config: dict[str, Any]
    tier: str
    sizes: Annotated[list[int], FailFast()]  # of a hostile list only the first fault is named
    seeds: Annotated[list[int], FailFast()]
    protocol: dict[str, Any]

    @model_serializer(mode="wrap")
    def _known(self, whole: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields: dict[str, Any] = whole(self)
        if self.task_source_sha256 is None:
            del fields["task_source_sha256"]
        return fields

    @cached_property  # every sort, merge and check reads it
    def key(self) -> str:
        """First 16 hex digits of the SHA-256 of the identity's canonical JSON."""
        canonical = json.dumps(
            self.model_dump(), sort_keys=True, separators=(",", ":"), allow_nan=False
        )
        return hashlib.sha256(canonical.encode()).hexdigest()[:16]

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a copy with some fields changed; its key is computed anew."""
        copied = super().model_copy(update=update, deep=deep)
        vars(copied).pop("key", None)
        return copied


class Failure(_Document):
    """Why a cell has no scores."""

    type: str
    message: str
    traceback: str = ""

    @classmethod
    def of(cls, error: BaseException) -> Failure:
        """Return the failure that an exception is, with the end of a long traceback."""
        text = "".join(traceback.format_exception(error))
        message = message_of(error)[:_MESSAGE_LIMIT]
        return cls(type=type(error).__name__, message=message, traceback=text[-_TRACEBACK_LIMIT:])


class KeptNetworks(_Document):
    """The file of a cell's trained networks, which lies beside the record.

    ``trials`` holds the names ``n_train.seed`` of the networks in it. ``declined`` says of each
    other trial that was to be kept why its network is not.
    """

    model_config = ConfigDict(frozen=True)

    which: Literal["all", "largest"]
    trials: list[str]
    declined: dict[str, str] = Field(default_factory=dict)
    bytes: Annotated[int, Field(ge=0)] = 0
    sha256: str = ""


class Provenance(_Document):
    """What code, data and machine made a record, and how it was run; unknown fields are absent.

    ``plugins`` holds the version of every plugin that was loaded, with the hash of its main module.
    ``metrics`` holds the version and source hash of every metric that was applied.
    ``seconds`` is wall time, ``fleet`` the most trials that trained together, ``fleet_choice`` why,
    and ``capture`` whether updates were replayed from a CUDA graph. ``absent`` says, by the name of
    a score, why some trials do not have it. ``networks`` describes the file of trained networks, if
    they were to be kept. ``rescored`` says, by the name of a metric, when and by which torch it
    scored the kept networks after the run.
    """

    model_config = ConfigDict(frozen=True)

    symbench: str | None = None
    git: str | None = None
    python: str | None = None
    torch: str | None = None
    machine: str | None = None
    device: str | None = None
    threads: int | None = None
    tf32: bool | None = None
    plugin: str | None = None
    plugin_version: str | None = None
    plugin_source_sha256: str | None = None
    plugins: dict[str, str] | None = None
    metrics: dict[str, str] | None = None
    fleet: int | None = None
    fleet_choice: dict[str, Any] | None = None
    capture: dict[str, Any] | None = None
    absent: dict[str, str] | None = None
    networks: KeptNetworks | None = None
    rescored: dict[str, str] | None = None
    started: str | None = None
    seconds: float | None = None
    executor: str | None = None
    concurrent: int | None = None
    attempts: int | None = None

    @model_serializer(mode="wrap")
    def _known(self, whole: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: v for name, v in whole(self).items() if name in self.model_fields_set}

    def __getitem__(self, name: str) -> Any:
        """Return a field that is known, as from the JSON document."""
        return self.model_dump()[name]

    def get(self, name: str, default: Any = None) -> Any:
        """Return a field, or the default where it is not known, as from the JSON document."""
        return self.model_dump().get(name, default)

    def known(self) -> dict[str, Any]:
        """Return the fields that are known, by name, as the objects that they are."""
        return {name: getattr(self, name) for name in self.model_fields_set}

    def also(self, **fields: Any) -> Provenance:
        """Return the provenance with more fields."""
        return self.model_copy(update=fields)


class TrialRecord(_Document):
    """One training: its scores by name, and its cost."""

    n_train: int
    seed: int
    status: Status
    scores: _Numbers = Field(default_factory=dict)
    cost: _Numbers = Field(default_factory=dict)


class Record(_Document):
    """One cell from start to finish.

    ``tensors`` (learned generators, trajectories) and ``networks`` (the content of a safetensors
    file, empty if none are kept) are not part of the document. The store writes them to files of
    their own.
    """

    schema_: Literal[1] = Field(default=1, alias="schema")
    identity: Identity
    status: Status
    error: Failure | None = None
    trials: Annotated[list[TrialRecord], FailFast()] = Field(default_factory=list)
    provenance: Provenance = Field(default_factory=Provenance)
    tensors: dict[str, Any] = Field(default_factory=dict, exclude=True, repr=False)
    networks: bytes = Field(default=b"", exclude=True, repr=False)

    model_config = ConfigDict(populate_by_name=True)

    @property
    def key(self) -> str:
        """The key under which the record is stored."""
        return self.identity.key

    def to_json(self) -> str:
        """Return the document.

        Raises:
            ValueError: the record holds NaN or an infinity.
        """
        document = self.model_dump(mode="json", by_alias=True)
        return json.dumps(document, indent=1, allow_nan=False, sort_keys=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Record:
        """Read a document.

        Raises:
            ValueError: not JSON, not of schema 1, or with a number that is not finite.
        """
        return cls.model_validate(parse_json(text))
