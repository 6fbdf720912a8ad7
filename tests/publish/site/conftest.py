"""Made-up results for the site's tests: ordinary, hostile, and many."""

from __future__ import annotations

import shutil
from types import SimpleNamespace

import pytest

from symbench.contract.board import Board, Finding
from symbench.contract.values import Published
from symbench.publish.site import Content, Details
from symbench.publish.site.cards import ModelCard, TaskCard
from symbench.records.record import Failure, Identity, Record, TrialRecord
from symbench.results import leaderboard
from symbench.results.leaderboard import Coverage, Estimate, Leaderboard, Point, Rank, Row
from symbench.runs.protocol import PROTOCOL_VERSION

HOSTILE = (
    "<img src=x onerror=alert(1)>", "</script><script>alert(1)</script>", "a|b",
    "\\input{/etc/passwd} 100% & $x_1$", '=HYPERLINK("http://evil.example")', "@SUM(A1)",
    "mlp\u202egnp\u2066", "[x](javascript:alert(1))", "line\none", "\x1b[31mred",
    '" onmouseover="alert(1)', "javascript:alert(1)", "{{ 7 * 7 }}", "../../etc/passwd",
    "__proto__", "\u05d0\u05d1\u05d2 http://evil.example/<b>",
)  # fmt: skip


FOUND = {
    "announced_overlap": 0.6, "announced_overlap.guess": 0.2, "announced_count": 4.0,
    "generators_found": 0.0, "generators_found.truth": 4.0,
}  # fmt: skip


def record(task, model, level=0.1, prior="none", **changes):
    """Return a record of five seeds and two sizes whose errors fall from level to level / 4."""
    protocol = {"version": PROTOCOL_VERSION, "updates": 60, "prior": prior, "chance_error": 1.0,
                "threshold": 0.05, "baseline": "mlp"}  # fmt: skip
    identity = Identity(
        task=task, task_version="1", task_fingerprint="", model=model, model_version="1",
        model_source_sha256="", config=changes.pop("config", {"width": 32}), tier="quick",
        sizes=[100, 1000], seeds=[0, 1, 2, 3, 4], protocol=protocol,
    )  # fmt: skip
    trials = [
        TrialRecord(n_train=n, seed=seed, status="ok", cost={"parameters": 100.0},
                    scores={"error": level / part * (1 + 0.05 * seed), "flops": 7.0,
                            **changes.get("scores", {})})
        for n, part in ((100, 1), (1000, 4)) for seed in identity.seeds
    ]  # fmt: skip
    status = changes.get("status", "ok")
    failed = Failure(type="Error", message=changes.get("message", "")) if status != "ok" else None
    return Record(
        identity=identity, status=status, error=failed, trials=[] if failed else trials,
        provenance={"started": "2026-01-01T00:00:00+00:00", "seconds": 1.0},
    )  # fmt: skip


TASKS = ("o3-inertia", "spring", "digits", "lorentz", "csl")
BOARDS = (
    Board("known", "Does it pay?", TASKS, "error", findings=(
        Finding("Symmetry divides the error by {ratio}", "mlp", "emlp", TASKS),
        Finding("Nothing divides the error by {ratio}", "emlp", "mlp", TASKS),
    )),
    Board("elsewhere", "Is it there?", ("not-here",), "error"),
    Board("partial", "Is a half enough?", (TASKS[0], "not-here"), "error"),
    Board("found", "What is found?", ("o3-inertia",), "discovery"),
)  # fmt: skip


def content(records, **more):
    table = leaderboard.make(records, "quick", planned=len(records))
    return Content(leaderboard=table, records=records, **more)


def ordinary():
    levels = {"mlp": (0.4, "none"), "emlp": (0.1, "told"), "lconv": (0.2, "discovers")}
    records = [
        record(
            task,
            model,
            level * (1 + place),
            prior,
            scores=FOUND if (task, model) == ("o3-inertia", "lconv") else {},
        )
        for place, task in enumerate(TASKS)
        for model, (level, prior) in levels.items()
    ]
    records += [
        record("spring", "broken", status="failed", message="no network today"),
        record("csl", "shy", status="declined", message="takes images only"),
    ]
    figures = Published("emlp", "EMLP", "A paper, https://example.org/paper", {1000: 0.05}, "error")
    details = Details(
        boards=BOARDS,
        tasks={
            "o3-inertia": TaskCard(family="vectors", group="O(3)", summary="inertia",
                                   definition="First block.\n\nSecond block.",
                                   facts=(("group", "O(3)"),), published=(figures,)),
            "spring": TaskCard(family="dynamics", group="O(2)"),
        },
        models={"emlp": ModelCard(family="emlp", summary="equivariant perceptron")},
    )  # fmt: skip
    absent = [("digits", "broken", "not run"), ("lorentz", "shy", "outdated")]
    return content(records, absent=absent, details=details, sha256="ab" * 32,
                   facts={"torch": ["2.13"], "machine": ["a machine"]})  # fmt: skip


def hostile():
    records = [
        record(task, model, 0.1 * (1 + i), config={task: model}, scores={task: 1.0, **FOUND})
        for i, model in enumerate(HOSTILE)
        for task in {*HOSTILE[:3], model}
    ]
    records += [record("plain", m, status="failed", message=m) for m in HOSTILE]
    details = Details(
        boards=[
            Board(t, t, (t, *HOSTILE[:3]), "error",
                  findings=(Finding(t + " {ratio}", HOSTILE[1], HOSTILE[0], HOSTILE[:1]),))
            for t in HOSTILE
        ],
        tasks={
            t: TaskCard(family=t, group=t, summary=t, definition=t, reference=t, facts=((t, t),),
                        published=(Published(t, t, t, {100: 0.1}, "error"),))
            for t in HOSTILE
        },
        models={t: ModelCard(family=t, summary=t, definition=t, reference=t) for t in HOSTILE},
    )  # fmt: skip
    absent = [(text, "elsewhere", text) for text in HOSTILE]
    return content(records, absent=absent, details=details, sha256="cd" * 32,
                   facts={text: [text] for text in HOSTILE})  # fmt: skip


def many(count=10_000):
    scores = ("error", "equivariance_error", "generator_cosine", "lie_derivative", "data_gain",
              "curve_area", "n_to_threshold", "paper_error")  # fmt: skip
    rows = []
    for i in range(count):
        value = 10 ** (-4 * ((i * 7919) % count) / count)
        figure = Estimate(value=value, low=value * 0.9, high=value * 1.1, n=5)
        rows.append(Row(
            task=f"task-number-{i // 100}", model=f"model-number-{i % 100}", prior="told",
            status="ok", params=1000 + i, scores=dict.fromkeys(scores, figure), group="ab",
            rank=Rank(low=1, high=9), curve=[Point(n_train=1000, error=figure)],
        ))  # fmt: skip
    coverage = Coverage(planned=count, finished=count, failed=0, stale=0)
    return Content(leaderboard=Leaderboard(tier="quick", coverage=coverage, rows=rows), records=[])


@pytest.fixture(scope="session")
def made():
    """Return the builders of results, and the texts of the hostile one."""
    return SimpleNamespace(
        record=record, content=content, ordinary=ordinary, hostile=hostile, many=many, texts=HOSTILE
    )


@pytest.fixture(scope="session")
def chromium():
    """Return a headless browser; without one what needs it is skipped."""
    sync = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    with sync.sync_playwright() as driver:
        names = ("chromium", "chromium-browser", driver.chromium.executable_path)
        program = next((found for name in names if (found := shutil.which(name))), None)
        if program is None:
            pytest.skip("needs chromium, or python -m playwright install chromium")
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium):
    """Open pages; at the end nothing may have been logged, raised or asked of another place."""
    trouble, contexts = [], []

    def opened(path, scheme="light", width=1200, then=""):
        context = chromium.new_context(
            color_scheme=scheme, viewport={"width": width, "height": 900}
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("console", lambda message: trouble.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: trouble.append(f"error: {error}"))
        page.on("dialog", lambda dialog: (trouble.append("dialog"), dialog.dismiss()))
        page.on(
            "request",
            lambda request: (
                request.url.startswith(("file:", "blob:file:"))
                or trouble.append(f"request: {request.url}")
            ),
        )
        page.goto(path.as_uri() + then)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert trouble == []
