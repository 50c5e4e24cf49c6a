"""Names are the field's: what the package called otherwise once does not come back as a name."""

from __future__ import annotations

import ast
import dataclasses
import re
import subprocess
import sys
from pathlib import Path

import pytest

from architecture import structure
from tellapart.cli import VERBS
from tellapart.training.config import TrainConfig

RETIRED_MODULES = {
    "glance", "survey", "view", "known", "kinds", "copies", "words", "near", "overlay", "beam", "widths", "legible",
    "misread", "sheet", "like", "why", "traces", "look", "atlas", "place", "clock", "solve", "fit", "members", "decide",
    "start", "keep", "live", "state", "guard", "share", "ask", "meter", "refusal", "dice", "bend", "ground", "world",
    "here", "answering", "blocks", "quick", "card",
}  # fmt: skip
RETIRED_NAMES = {
    "quick", "Shelf", "Live", "State", "Guard", "Share", "Refusal", "Busy", "Gone", "Meter", "asked", "World",
    "Written", "poses", "ground", "clutter", "Rule", "of_length", "judged", "together", "agreed", "stretched", "LOOKS",
    "Beside", "Whole", "Cut", "Cells", "SideBySide", "Levels", "Trunk", "between", "moving_average", "mean_weights",
    "averaged", "solve_head", "begin", "decisions", "sure_from", "length_taught", "whole_file", "in_threads",
    "in_processes", "in_lanes", "say", "some", "counted", "closest",
}  # fmt: skip
RETIRED_OPTIONS = {
    "careful", "best", "members", "folds", "mirror", "together", "groups", "start", "depth", "positive", "back",
    "quick",
}  # fmt: skip


def defined(module: structure.Module) -> set[str]:
    """Classes, functions and constants that a module defines at its top."""
    names = set()
    for node in module.tree.body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return names


def test_no_retired_name_is_defined() -> None:
    modules = structure.modules()
    assert {name: found for name, module in modules.items() if (found := defined(module) & RETIRED_NAMES)} == {}
    assert {name for name in modules if name.split(".")[-1] in RETIRED_MODULES} == set()


def test_an_exception_ends_in_error() -> None:
    wrong = [
        f"{module.name}:{node.name}"
        for module in structure.modules().values()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ClassDef)
        and any(re.search(r"(Error|Exception)$", ast.unparse(base)) for base in node.bases)
        and not node.name.endswith("Error")
    ]
    assert wrong == []


def test_no_retired_option_of_a_training() -> None:
    assert {field.name for field in dataclasses.fields(TrainConfig)} & RETIRED_OPTIONS == set()


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_no_retired_option_on_the_command_line(verb: str) -> None:
    command = [sys.executable, "-m", "tellapart", verb, "--help"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    options = {name.replace("_", "-") for name in re.findall(r"(?m)^ +--([a-z_-]+)", text)}
    assert options & RETIRED_OPTIONS == set()


def test_a_retired_name_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("class Guard: ...\ndef say(): ...\nLOOKS = 1\n")
    (module,) = structure.modules(tmp_path).values()
    assert defined(module) & RETIRED_NAMES == {"Guard", "say", "LOOKS"}
