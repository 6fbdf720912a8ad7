"""The numbers that the documentation quotes are those of the stored records and of the registry."""

from __future__ import annotations

import importlib
import re
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

from symbench.registry import load
from symbench.results.leaderboard.discovery import discovery_board
from symbench.results.leaderboard.findings import supported
from symbench.results.published.publication import Publication
from symbench.results.report import discovery
from symbench.results.report.boards import sentence

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
BOARDS = ROOT / "leaderboards"
LEAST = 150
NUMBER = re.compile(r"(?<![\w.])\d[\d.,]*(?:e-?\d+)?")
pytestmark = pytest.mark.skipif(not BOARDS.is_dir(), reason="needs the source tree")


@pytest.fixture(scope="module")
def built_in():
    names = ",".join(path.name for path in (ROOT / "plugins").glob("symbench_*"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SYMBENCH_PLUGINS", names)
        return load()


@pytest.fixture(scope="module")
def script():
    """The script that makes the page of findings, as a module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "scripts"))
        yield importlib.import_module("findings")


def findings():
    """Return the findings of the README, each as one line without its bold words."""
    (section,) = re.findall(r"^## What it shows so far\n(.*?)^Each ratio", README, re.M | re.S)
    bullets = re.split(r"^- \*\*[^*]+\*\* ", section, flags=re.M)[1:]
    return [" ".join(bullet.split()) for bullet in bullets]


def test_every_finding_of_the_readme_is_supported_by_the_published_records(built_in, script):
    assert f"[the published leaderboard](leaderboards/{script.MAIN})" in README
    records = Publication(BOARDS / script.MAIN).records()
    sentences = {
        sentence(one) for board in built_in.boards.values()
        for one in supported(board, records, records[0].identity.tier)
    }  # fmt: skip
    board = discovery_board(Publication(BOARDS / "discovery").records(), "standard")
    sentences.add(discovery.sentence(board))
    quoted = findings()
    assert len(quoted) >= 6
    assert not [one for one in quoted if one not in sentences]


def test_the_first_finding_of_the_readme_holds_for_every_seed(script):
    said = r"errs less with (\d+) examples than a perceptron with\s+([\d,]+)"
    ((few, many),) = re.findall(said, README)
    sizes = {"scalars": int(few), "mlp": int(many.replace(",", ""))}
    errors = {model: script.reproduced("o5-invariant", model, n, "error")
              for model, n in sizes.items()}  # fmt: skip
    assert max(errors["scalars"]) < min(errors["mlp"])


@pytest.mark.parametrize("kind", ["tasks", "models"])
def test_the_readme_counts_what_is_registered(built_in, kind):
    (count,) = re.findall(rf"more than (\d+)\s+{kind}", README)
    assert 0 <= len(getattr(built_in, kind)) - int(count) < 40


def test_the_table_of_the_readme_has_the_size_and_threshold_of_today(built_in):
    (shown,) = re.findall(r"^o5-invariant · quick · (.*)$", README, re.M)
    task = built_in.task("o5-invariant")
    size, error = max(task.sizes_in("quick")), f"{task.threshold:.4f}"
    assert shown == f"n_train {size} · 5 seeds · solved at error {error}"


def test_the_page_of_findings_is_what_the_records_give(script):
    made, held = script.page()
    assert (ROOT / "docs" / "findings.md").read_text() == made
    assert held >= LEAST / 2
    print(f"docs/findings.md: {held} numbers held")


def test_a_finding_without_support_is_an_error(script):
    with pytest.raises(LookupError, match="no support"):
        script.Source().ratio(script.MAIN, "scalars", "mlp", "o5-invariant")


def test_the_page_of_reproductions_is_what_the_records_give(built_in):
    command = [sys.executable, "scripts/reproductions.py", "--store", "leaderboards/reproductions"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert (ROOT / "docs" / "reproductions.md").read_text() == done.stdout
    rows = [line for line in done.stdout.splitlines() if line.startswith("|")]
    held = sum(len(NUMBER.findall(line)) for line in rows)
    print(f"docs/reproductions.md: {held} numbers held")
    assert held >= LEAST
    done = subprocess.run(
        [*command, "--readme"], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert (ROOT / "leaderboards/reproductions/README.md").read_text() == done.stdout


PUBLISHED = {"O(5)": "o5-invariant", "inertia": "o3-inertia", "Lorentz": "lorentz-scattering"}


def test_the_table_of_vectors_has_the_medians_of_the_records(script):
    models = {"MLP": "mlp", "MLP + augmentation": "mlp-augmented", "EMLP": "emlp",
              "Scalars": "scalars"}  # fmt: skip
    held = 0
    for row, model in models.items():
        for place, task in enumerate(PUBLISHED.values()):
            name = "scalars-perm" if (model, task) == ("scalars", "o3-inertia") else model
            values = sorted(script.reproduced(task, name, 1000, "paper_error"))
            shown = cells("vectors.md", row)[2 + 2 * place]
            assert float(shown) == pytest.approx(values[len(values) // 2], rel=0.006), (row, task)
            held += 1
    print(f"docs/vectors.md: {held} numbers held")


def test_the_tables_of_the_discovery_board_are_those_of_the_records(script):
    board = script.discovered()
    headings = script.report.headings(board)
    held = 0
    for method in script.report.figures(board):
        name = method[0].removesuffix(" *")
        name = {"mlp": "mlp, told nothing"}.get(name, name)
        if name.startswith("guess"):
            continue
        for kind in ("figure", "continuous", "broken", "hidden", "finite"):
            shown = script.table_cell("discovery.md", name, kind)
            ours, theirs = (float(NUMBER.findall(text)[0]) for text in
                            (shown, method[headings.index(kind)]))  # fmt: skip
            assert ours == pytest.approx(theirs, abs=0.006), (name, kind)
        found = script.table_cell("discovery.md", name, "false findings on controls")
        assert method[-1].startswith(found)
        held += 6
    for task in ("o5-invariant", "hidden-conjugate", "hidden-irreducible", "law-so2-isotropic"):
        for found in script.report.of_task(board, task):
            name, needed = found[0], found[script.report.TASK_HEADINGS.index("n to discover")]
            if not needed or name == "local-null":
                continue
            shown = script.table_cell("discovery.md", name, task, -1).replace(",", "")
            missed = needed.startswith(">")
            assert (shown == "–") if missed else needed.startswith(shown), (name, task)
            held += 1
    print(f"docs/discovery.md: {held} numbers held")


@pytest.mark.parametrize("n", [100, 1000])
def test_the_tables_of_what_a_discovery_is_worth_are_those_of_the_records(script, n):
    worth = script.worth
    found = script.records("discovery-use")
    priors = {one.identity.model: one.identity.protocol["prior"] for one in found}
    tasks = sorted({one.identity.task for one in found})
    table = worth.rows(worth.errors(found, n), tasks, priors)
    page = (ROOT / "docs" / "discovery.md").read_text()
    shown = [" ".join(line.replace("|", " ").split()) for line in page.splitlines()]
    assert len(table) == 11
    for row in table:
        assert " ".join(" ".join(row).split()) in shown
    print(f"docs/discovery.md: {sum(len(NUMBER.findall(' '.join(row))) for row in table)} held")


def test_the_table_of_moved_digits_has_the_medians_of_the_records(script):
    records = Publication(ROOT / "leaderboards" / "discovery-images").records()
    trials = {(one.identity.task, one.identity.model): one.trials for one in records if one.trials}
    best, held = -1.0, 0
    for model in ("augerino", "liegan", "lconv", "cnn", "mlp"):
        told = ", told nothing" if model in {"cnn", "mlp"} else ""
        shown = cells("images.md", f"`{model}`{told}", -1)
        for place, flow in enumerate(("translation", "shear", "scaling"), 1):
            own = trials[f"moved-digits-{flow}", model]
            error = statistics.median(trial.scores["error"] for trial in own)
            assert float(shown[place]) == pytest.approx(error, rel=0.05), (model, flow)
            best = max(best, *(trial.scores.get("announced_overlap", -1.0) for trial in own))
            held += 1
        false = sum(trial.scores["false_finding"] for trial in trials["posed-digits", model])
        assert shown[-1] == f"{false:.0f} of 5"
    assert round(best, 3) == 0.004
    print(f"docs/images.md: {held} numbers held")


def test_the_table_of_error_against_compute_has_the_medians_of_the_records(script):
    axis = importlib.import_module("compute_axis")
    found = axis.curves(script.records("compute"), ["*"], ["*"])
    page = (ROOT / "docs" / "vectors.md").read_text()
    lines = [line.split("|")[1:-1] for line in page.splitlines() if line.startswith("|")]
    equivariant = {"o5-invariant": "scalars", "nbody-charged": "egnn"}
    held, task, n, budget = 0, "", 0, 0
    for cells in lines:
        if len(cells) != 6 or not re.fullmatch(r" [\d.]+e\d+ ", cells[2]):
            continue
        task, budget = cells[0].strip(" `") or task, 0 if cells[1].strip() else budget + 1
        n = int(cells[1].replace(",", "").strip() or n)
        models = "mlp", "mlp-augmented", equivariant[task]
        for model, shown in zip(models, cells[3:], strict=True):
            errors = found[task, n, model][budget].errors
            ours = float(NUMBER.findall(shown)[0])
            assert ours == pytest.approx(statistics.median(errors), rel=0.01), (task, n, model)
            held += 1
    assert held == 36
    print(f"docs/vectors.md: {held} numbers held")


def test_the_table_of_the_dial_has_the_medians_of_the_records(script):
    dial = importlib.import_module("dial_figure")
    curves = dial.curves(script.records("dial"), "standard", 1000, cubic=False)
    rows = dial.rows(curves)
    assert [cells("families.md", row[0], -1) for row in rows] == rows
    assert dial.losing_from(curves) == 0.1
    print(f"docs/families.md: {sum(len(list(filter(None, row))) - 1 for row in rows)} numbers held")


def cells(page, row, nth=0):
    """Return the cells of the nth row of a page's tables that begins so."""
    lines = (ROOT / "docs" / page).read_text().splitlines()
    found = [line for line in lines if re.match(rf"\| {re.escape(row)} +\|", line)]
    return [cell.strip() for cell in found[nth].strip("|").split("|")]
