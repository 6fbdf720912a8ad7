"""Print the table of docs/performance-diary.md from the JSON that the benchmarks write.

pytest tests/benchmarks --benchmark-enable --benchmark-json=FILE
python scripts/performance.py FILE
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from statistics import geometric_mean
from typing import Any


def measured(info: dict[str, Any]) -> str:
    """Return a benchmark's result in words: its ratio or its time."""
    if "milliseconds" in info:
        return f"{info['milliseconds']:.0f} ms"
    auto = f" (auto: {info['auto']:.2f}×)" if "auto" in info else ""
    floor = f" ({info['floor']:.0%} of the graph without the rest)" if "floor" in info else ""
    return f"{info['ratio']:.2f}×{auto}{floor}"


def rows(benchmarks: list[dict[str, Any]]) -> Iterator[tuple[str, str, str]]:
    """Return what, how much and the target of every benchmark with a result, and of families."""
    families: dict[str, list[float]] = defaultdict(list)
    for benchmark in benchmarks:
        info = benchmark.get("extra_info", {})
        if not {"ratio", "milliseconds"} & set(info):
            continue
        what = info.get("what", benchmark["name"].removeprefix("test_").replace("_", " "))
        yield what, measured(info), info.get("target", "")
        if "family" in info:
            families[info["family"]].append(info["ratio"])
    for family, ratios in families.items():
        yield f"{family}: geometric mean of {len(ratios)}", f"{geometric_mean(ratios):.2f}×", ""


def table(document: dict[str, Any]) -> str:
    """Return the machine, and the rows as Markdown."""
    machine = document["machine_info"]
    cpu = machine.get("cpu", {})
    lines = [
        f"{machine['system']} {machine['machine']}, {cpu.get('brand_raw', 'unknown processor')}, "
        f"{cpu.get('count', '?')} CPUs; Python {machine['python_version']}",
        "",
        "| what | measured | must reach |",
        "| --- | --- | --- |",
    ]
    for row in rows(document["benchmarks"]):
        lines.append("| " + " | ".join(cell.replace("|", r"\|") for cell in row) + " |")
    return "\n".join(lines)


def main() -> None:
    """Read the command line and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="JSON of pytest-benchmark")
    file: Path = parser.parse_args().file
    try:
        printed = table(json.loads(file.read_text()))
    except OSError as error:
        parser.error(f"cannot read {file}: {error.strerror}")
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        parser.error(f"{file} is not what --benchmark-json writes: {error!r:.200}")
    print(printed)


if __name__ == "__main__":
    main()
