"""The house stands as drawn: one-way imports, no torch where there must be none, quick help."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import tellapart

SRC = Path(tellapart.__file__).parent

# From the top down: a room imports only from rooms above it. cli/ and __init__.py may import all.
ROOMS = [
    "errors", "files", "memory", "images", "progress", "workers", "tables", "sources", "near", "overlay",
    "facts", "catalog", "split", "quick", "tidy", "charset", "preprocess", "legible", "reduction", "calibrate",
    "discriminant",
    "audit.measure", "audit.glance", "audit.survey", "audit.findings", "audit.view", "audit.domain", "audit.labels",
    "audit.copies", "audit.kinds", "audit.picture", "audit.classes", "audit.checks",
    "page", "audit.charts", "audit.words",
    "audit.report", "audit.review", "audit.known",
    "config", "plan", "space", "bars", "recipes",
    "captcha.fonts", "captcha.schemes", "captcha.dice", "captcha.bend", "captcha.letters", "captcha.ground",
    "captcha.world", "captcha.named", "captcha.render", "captcha", "like", "generate",
    "beam", "widths", "metrics", "misread", "sheet", "confusion", "decide", "card", "bundle", "client", "predict",
    "curves", "plots", "report.parts", "report.classes", "report.texts", "report", "evaluate", "explain",
    "serve.settings", "serve.state", "serve.batch", "serve.keep", "serve.live", "serve.refusal", "serve.guard",
    "serve.share", "serve.ask", "serve.meter", "serve.openapi", "serve.app", "serve.bento", "serve",
    "serve.service", "serve.__main__",
    "web.words", "web.answering", "web.blocks", "web.here", "web",
    "drift.distances", "drift.sample", "drift.page", "drift",
    "_torchvision", "_lightning", "data", "augment",
    "models.scratch", "models.classifier", "models.levels", "models.reader", "models.trunk", "models", "embed",
    "audit", "clean", "balance", "prepare",
    "tasks.base", "tasks.classify", "tasks.read", "tasks",
    "run", "export", "start", "history", "clock", "features", "solve", "fit", "members",
    "maps.place", "maps.look", "maps.atlas", "maps.colours", "maps.picture", "maps.page", "maps",
    "traces", "why", "track", "train", "adapt",
    "trial", "tune",
    "strength.changes", "strength.attack", "strength.page", "strength", "demo",
]  # fmt: skip
TORCH_BEGINS = "_torchvision"


def _name(path: Path) -> str:
    parts = path.relative_to(SRC).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imports(path: Path) -> set[str]:
    """Rooms that a file imports, at its top or inside a function; not those only for type checkers."""
    found: set[str] = set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            whole = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name for name in whole if name.removeprefix("tellapart.") in ROOMS} or {node.module}
    return found


FILES = sorted(path for path in SRC.rglob("*.py") if _name(path).split(".")[0] not in ("", "__main__", "cli"))


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_imports_go_one_way(path: Path) -> None:
    room = _name(path)
    assert room in ROOMS, f"{room} has no place in the house: add it to ROOMS"
    above = ROOMS[: ROOMS.index(room)]
    ours = {name.removeprefix("tellapart.") for name in _imports(path) if name.startswith("tellapart.")}
    assert ours <= set(above), f"{room} imports from below: {sorted(ours - set(above))}"


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_torch_stays_below_its_line(path: Path) -> None:
    if ROOMS.index(_name(path)) < ROOMS.index(TORCH_BEGINS):
        heavy = {name.split(".")[0] for name in _imports(path)} & {"torch", "torchvision", "timm", "pytorch_lightning"}
        assert not heavy


def _run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_the_package_imports_nothing_heavy() -> None:
    heavy = ("torch", "numpy", "PIL", "pyarrow", "onnxruntime")
    code = f"import sys, tellapart; print([m for m in {heavy} if m in sys.modules])"
    assert _run(code).strip() == "[]"


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from tellapart.cli import main; main(['--help']); "
        "print([m for m in ('torch', 'numpy', 'PIL', 'pyarrow', 'onnxruntime', 'jsonargparse') if m in sys.modules])"
    )
    assert _run(code).splitlines()[-1] == "[]"


def test_predicting_and_evaluating_load_no_torch() -> None:
    code = (
        "import sys, tellapart; tellapart.load, tellapart.predict, tellapart.evaluate, tellapart.generate; "
        "print('torch' in sys.modules)"
    )
    assert _run(code).strip() == "False"


def test_every_public_name_is_there_and_a_verb_hides_its_module() -> None:
    code = (
        "import tellapart, types; import tellapart.catalog, tellapart.split, tellapart.predict; "
        "print([n for n in tellapart.__all__ if isinstance(getattr(tellapart, n), types.ModuleType)])"
    )
    assert _run(code).strip() == "[]"
    assert sorted(tellapart.__all__) == sorted(tellapart._HOME)
    assert set(tellapart.__all__) <= set(dir(tellapart))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'tellapart' has no attribute 'fly'"):
        _ = tellapart.fly
