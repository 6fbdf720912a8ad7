"""``pictures.zip`` of a publication: heat maps of learned generators, which no submission holds."""

from __future__ import annotations

import io
import re
import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from zipfile import BadZipFile, ZipFile, ZipInfo

from symbench.errors import InputError

FILE_NAME = "pictures.zip"
_PICTURE = re.compile(r"([0-9a-f]{16})-(\d{1,2})\.png")
_PNG = b"\x89PNG\r\n\x1a\n"
_LARGEST = 2**26  # bytes of all pictures; one has about 10,000


def packed(pictures: Mapping[str, Sequence[bytes]]) -> bytes:
    """Return the content of the file: PNG pictures by the key of their record.

    The same pictures give the same bytes.
    """
    out = io.BytesIO()
    with ZipFile(out, "w") as archive:
        for key, maps in sorted(pictures.items()):
            for place, picture in enumerate(maps):
                archive.writestr(ZipInfo(f"{key}-{place}.png"), picture)
    return out.getvalue()


def unpacked(file: Path) -> dict[str, list[bytes]]:
    """Return the pictures in a file by the key of their record; none if there is no file.

    Raises:
        InputError: the file cannot be read, or holds something that is no picture.
    """
    found: dict[str, dict[int, bytes]] = defaultdict(dict)
    size = 0
    for name, content in _entries(file) if file.is_file() else ():
        match = _PICTURE.fullmatch(name)
        if match is None or not content.startswith(_PNG):
            raise InputError(f"{file} cannot be used: {name!r} is no picture")
        if (size := size + len(content)) > _LARGEST:
            raise InputError(f"{file} cannot be used: more than {_LARGEST} bytes of pictures")
        found[match[1]][int(match[2])] = content
    return {key: [maps[place] for place in sorted(maps)] for key, maps in found.items()}


def _entries(file: Path) -> Iterator[tuple[str, bytes]]:
    try:
        with ZipFile(file) as archive:
            for entry in archive.infolist():
                with archive.open(entry) as opened:
                    yield entry.filename, opened.read(_LARGEST + 1)
    except (OSError, BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise InputError(f"{file} cannot be used: {error}") from error
