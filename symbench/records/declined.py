"""The declined pairs of a store: one file, by tier, task and model, with the reason of each.

What the identities of a task's pairs have in common is written once.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock

from symbench.files import parse_json, write_atomic
from symbench.records.reading import NewerError, cannot, content_of
from symbench.records.record import Failure, Identity, Provenance, Record

FILE_NAME = "declined.json"
_LARGEST = 100_000_000  # bytes; 8,000 pairs have about 4,000,000
Triple = tuple[str, str, str]  # tier, task, model


class DeclinedPairs:
    """The file of a store.

    Args:
        store: the directory of the store.
        warn: called with what is wrong with the file.
        put_aside: called with an unusable file and why it is.
    """

    def __init__(
        self,
        store: Path,
        warn: Callable[[str], None],
        put_aside: Callable[[Path, Exception], object],
    ) -> None:
        self.path = store / FILE_NAME
        self._warn = warn
        self._put_aside = put_aside

    def records(self) -> list[Record]:
        """Return a record of every declined pair; none of a file that cannot be used."""
        return self._read() or []

    def update(self, records: Iterable[Record], accepted: Iterable[Identity]) -> list[Record]:
        """File the declined pairs of a plan, and take out those that it accepts.

        Returns:
            The records that were not filed before under the same identity and reason.

        Raises:
            StoreError: the file cannot be written.
        """
        place = self.path.parent / "claims" / "declined.lock"
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(place):
                return self._updated(list(records), accepted)
        except OSError as error:
            raise cannot("write", self.path, error) from error

    def _updated(self, records: list[Record], accepted: Iterable[Identity]) -> list[Record]:
        earlier = self._read()
        if earlier is None:  # only a newer version can read the file, so it stays
            return records
        known = {triple_of(record.identity): record for record in earlier}
        filed = dict(known)
        for identity in accepted:
            filed.pop(triple_of(identity), None)
        new = [record for record in records if not _is_filed(record, known)]
        filed |= {triple_of(record.identity): record for record in new}
        if new or len(filed) < len(known):
            write_atomic(self.path, to_json(filed.values()).encode(), durable=True)
        return new

    def _read(self) -> list[Record] | None:
        """Return the records; None if only a newer version can read the file."""
        try:
            if self.path.is_file():
                return from_json(content_of(self.path, _LARGEST).decode())
        except NewerError as error:
            self._warn(f"{self.path} is ignored: {error}")
            return None
        except OSError as error:
            raise cannot("read", self.path, error) from error
        except ValueError as error:
            self._put_aside(self.path, error)
        return []


def _is_filed(record: Record, known: Mapping[Triple, Record]) -> bool:
    earlier = known.get(triple_of(record.identity))
    return earlier is not None and (earlier.key, earlier.error) == (record.key, record.error)


def triple_of(identity: Identity) -> Triple:
    """Return what a pair is filed under."""
    return identity.tier, identity.task, identity.model


def declined_record(identity: Identity, reason: str, started: str | None = None) -> Record:
    """Return the record of a declined pair; ``started`` is when a plan first declined it."""
    provenance = Provenance() if started is None else Provenance(started=started)
    failure = Failure(type="Declined", message=reason)
    return Record(identity=identity, status="declined", error=failure, provenance=provenance)


def to_json(records: Iterable[Record]) -> str:
    """Return the document of declined pairs."""
    tasks: dict[tuple[str, str], list[Record]] = defaultdict(list)
    for record in sorted(records, key=lambda one: triple_of(one.identity)):
        tasks[record.identity.tier, record.identity.task].append(record)
    tiers: dict[str, dict[str, Any]] = defaultdict(dict)
    for (tier, task), of_task in tasks.items():
        tiers[tier][task] = _of_task(of_task)
    return json.dumps({"schema": 1, "declined": tiers}, indent=1, allow_nan=False) + "\n"


def from_json(text: str) -> list[Record]:
    """Read a document.

    Raises:
        ValueError: it is none, or one of its pairs has no complete identity.
    """
    document = parse_json(text)
    try:
        return [
            _record(entry, task["identity"])
            for tasks in document["declined"].values()
            for task in tasks.values()
            for entry in task["models"].values()
        ]
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"no document of declined pairs: {error!r}") from error


def _of_task(records: list[Record]) -> dict[str, Any]:
    identities = [record.identity.model_dump() for record in records]
    protocols = [identity.pop("protocol") for identity in identities]
    shared, terms = _common(identities), _common(protocols)
    return {
        "identity": {**shared, "protocol": terms},
        "models": {
            record.identity.model: {
                "reason": "" if record.error is None else record.error.message,
                "started": record.provenance.started,
                "identity": {**_without(identity, shared), "protocol": _without(protocol, terms)},
            }
            for record, identity, protocol in zip(records, identities, protocols, strict=True)
        },
    }


def _record(entry: Mapping[str, Any], shared: Mapping[str, Any]) -> Record:
    own = entry["identity"]
    protocol = {**shared["protocol"], **own["protocol"]}
    identity = Identity.model_validate({**shared, **own, "protocol": protocol})
    return declined_record(identity, entry["reason"], entry["started"])


def _common(documents: list[dict[str, Any]]) -> dict[str, Any]:
    first, *others = documents
    return {
        name: value
        for name, value in first.items()
        if all(name in other and _same(other[name], value) for other in others)
    }


def _without(document: Mapping[str, Any], shared: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in shared}


def _same(a: Any, b: Any) -> bool:
    """Whether two JSON values are written alike: 1, 1.0 and true are equal, but not the same."""
    return json.dumps(a, sort_keys=True) == json.dumps(b, sort_keys=True)
