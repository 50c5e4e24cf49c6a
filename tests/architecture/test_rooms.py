"""The house stands as drawn; and each rule notices what breaks it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import tellapart
from architecture import structure

MODULES = structure.modules()

# Public verbs: their options are the interface, so they are parameters. This list may only shrink.
EXCEPTIONS = {
    "evaluation.evaluate:evaluate", "pipelines.map:map", "pipelines.prepare:prepare",
}  # fmt: skip

# Modules that another file's tests cover whole; each with its reason. At most ten.
TESTED_ELSEWHERE: dict[str, str] = {}


def test_a_room_imports_only_what_the_table_allows() -> None:
    assert structure.forbidden_imports(MODULES) == []


def test_no_module_imports_itself_through_others() -> None:
    assert structure.import_circles(MODULES) == []


def test_torch_begins_in_training() -> None:
    assert structure.misplaced_torch(MODULES) == []


@pytest.mark.parametrize("start", ["inference.predict", "serving.app", "serving.launch", "evaluation.evaluate"])
def test_answering_and_evaluating_reach_no_torch(start: str) -> None:
    reached = structure.closure(start, MODULES)
    heavy = {
        name for name in reached if structure.TORCH & {each.split(".")[0] for each in MODULES[name].imported_names()}
    }
    assert heavy == set()


def test_a_training_reaches_five_rooms_and_little_of_the_package() -> None:
    reached = structure.closure("training.loop", MODULES)
    assert {MODULES[name].room for name in reached} == {"core", "metrics", "data", "inference", "training"}
    assert sum(len(MODULES[name].text.splitlines()) for name in reached) < 8600  # of 42,500


def test_files_and_functions_stay_small() -> None:
    oversized = structure.oversized(MODULES)
    assert {name: why for name, why in oversized.items() if name not in EXCEPTIONS} == {}
    assert set(oversized) >= EXCEPTIONS, "an exception is no longer needed: take it off the list"


def test_each_module_has_a_test_file_of_its_name() -> None:
    missing = structure.without_test_file(MODULES, structure.ROOT / "tests")
    assert [name for name in missing if name not in TESTED_ELSEWHERE] == []
    assert set(missing) >= set(TESTED_ELSEWHERE), "an exception is no longer needed: take it off the list"
    assert len(TESTED_ELSEWHERE) <= 10


# --- each rule notices -------------------------------------------------------------------------------


def planted(folder: Path, **files: str) -> dict[str, structure.Module]:
    """The modules of a small package: names with ``__`` for a dot, and what stands in them."""
    for name, text in files.items():
        path = folder.joinpath(*name.split("__")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        for parent in path.relative_to(folder).parents:
            (folder / parent / "__init__.py").touch()
    return structure.modules(folder)


@pytest.mark.parametrize(
    "text",
    [
        "from tellapart.serving.app import App",
        "import tellapart.serving.app",
        "def f():\n    from tellapart.serving import app",
    ],
    ids=["from", "import", "inside a function"],
)
def test_an_upward_import_is_noticed(tmp_path: Path, text: str) -> None:
    modules = planted(tmp_path, data__catalog=text, serving__app="class App: ...")
    assert structure.forbidden_imports(modules) == ["data.catalog imports serving.app: data may not"]


def test_an_import_for_type_checkers_is_none(tmp_path: Path) -> None:
    text = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from tellapart.serving.app import App"
    assert structure.forbidden_imports(planted(tmp_path, data__catalog=text, serving__app="class App: ...")) == []


def test_a_new_folder_is_no_room(tmp_path: Path) -> None:
    modules = planted(tmp_path, helpers__strings="")
    assert structure.forbidden_imports(modules) == [
        "helpers: helpers is no room",
        "helpers.strings: helpers is no room",
    ]


def test_a_circle_is_noticed(tmp_path: Path) -> None:
    modules = planted(
        tmp_path,
        core__a="from tellapart.core.b import x",
        core__b="from tellapart.core import c",
        core__c="def f():\n    from tellapart.core.a import y",
    )
    assert structure.import_circles(modules) == ["core.a → core.b → core.c → core.a"]


@pytest.mark.parametrize("text", ["import torch", "def f():\n    from torch import nn", "import timm.models"])
def test_torch_in_serving_is_noticed(tmp_path: Path, text: str) -> None:
    (broken,) = structure.misplaced_torch(planted(tmp_path, serving__app=text))
    assert broken.startswith("serving.app imports t")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("def f():\n" + "    x = 1\n" * 61, "61 lines, 60 at most"),
        ("def f(x):\n" + "    if x: x = 1\n" * 16, "16 branches, 15 at most"),
        ("def f(a, b, c, d, e, *, f, g, h, i): ...", "9 parameters, 8 at most"),
        ("class C:\n    def f(self, a, b, c, d, e, f, g, h, i): ...", "9 parameters, 8 at most"),
    ],
)
def test_a_large_function_is_noticed(tmp_path: Path, text: str, why: str) -> None:
    assert list(structure.oversized(planted(tmp_path, core__a=text)).values()) == [why]


def test_a_docstring_is_not_counted(tmp_path: Path) -> None:
    text = 'def f():\n    """' + "long\n" * 90 + '"""\n    return 1\n'
    assert structure.oversized(planted(tmp_path, core__a=text)) == {}


def test_a_long_file_is_noticed(tmp_path: Path) -> None:
    assert structure.oversized(planted(tmp_path, core__a="x = 1\n" * 401)) == {"core.a": "401 lines, 400 at most"}


def test_a_module_without_tests_is_noticed(tmp_path: Path) -> None:
    modules = planted(tmp_path / "src", core__a="", core__b="")
    (tmp_path / "tests/core").mkdir(parents=True)
    (tmp_path / "tests/core/test_a.py").touch()
    assert structure.without_test_file(modules, tmp_path / "tests") == ["core.b"]


# --- what loading really loads -----------------------------------------------------------------------


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


def test_every_public_name_is_there_and_no_module_hides_a_verb() -> None:
    code = (
        "import importlib, pkgutil, tellapart, types\n"
        "for room in ('data', 'inference', 'pipelines', 'synthesis'):\n"
        "    for module in pkgutil.iter_modules(importlib.import_module(f'tellapart.{room}').__path__):\n"
        "        importlib.import_module(f'tellapart.{room}.{module.name}')\n"
        "print([n for n in tellapart.__all__ if isinstance(getattr(tellapart, n), types.ModuleType)])"
    )
    assert _run(code).strip() == "[]"
    assert sorted(tellapart.__all__) == sorted(tellapart._HOME)
    assert set(tellapart.__all__) <= set(dir(tellapart))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'tellapart' has no attribute 'fly'"):
        _ = tellapart.fly
