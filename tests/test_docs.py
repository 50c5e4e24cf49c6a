"""The documents are true: shell examples name real verbs and options, the tree is the tree, links lead somewhere."""

from __future__ import annotations

import dataclasses
import re
import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tellapart.cli import VERBS
from tellapart.core.errors import CatalogError
from tellapart.data.layouts import read_source
from tellapart.synthesis import Scheme
from tellapart.synthesis.scheme import GROUNDS, STYLES
from tellapart.training.config import TrainConfig, make_config
from tellapart.training.recipes import recipe_names, recipe_text

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/*.md")])


def _commands() -> list[tuple[str, str]]:
    sources = [*DOCUMENTS, ROOT / "examples" / "speedrun.sh", *(ROOT / "src/tellapart/training/recipes").glob("*.yaml")]
    found = []
    for path in sources:
        for line in path.read_text(encoding="utf-8").splitlines():
            match = re.search(r"(?:^|\s|\$ |`|\|\| )tellapart ([a-z]+ [^`#]*)", line)
            if match and match[1].split()[0] in VERBS:
                found.append((path.name, re.split(r"\s{3,}|\s+[|>]\s", match[1].strip())[0].rstrip(" \\)")))
    return found


@cache
def _help(verb: str) -> str:
    return subprocess.run(
        [sys.executable, "-m", "tellapart", verb, "--help"], capture_output=True, text=True, check=True
    ).stdout


@pytest.mark.parametrize(("document", "command"), _commands())
def test_shell_examples_name_real_options(document: str, command: str) -> None:
    words = shlex.split(command)
    options = [word.partition("=")[0] for word in words[1:] if word.startswith("--")]
    known = _help(words[0])
    for option in options:
        name = "--" + option[2:].replace("_", "-")
        assert re.search(rf"{re.escape(name)}\b", known), f"{document}: {option} is no option of {words[0]}"


def test_there_are_examples_to_check() -> None:
    assert len(_commands()) > 10


def test_python_examples_of_the_readme_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert blocks
    scope: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, "README.md", "exec"), scope)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", path.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (path.parent / target).exists(), f"{path.name}: {target}"


def test_the_tree_and_the_list_of_modules_are_as_the_source_says() -> None:
    ran = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "modules.py"), "--check"], capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stderr) == (0, "")


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 100


@pytest.mark.parametrize("name", recipe_names())
def test_recipes_are_configurations_with_a_whole_header(name: str) -> None:
    assert isinstance(make_config(name), TrainConfig)
    header = [line for line in recipe_text(name).splitlines() if line.startswith("#")]
    for part in ("command", "data", "time", "score"):
        assert any(line.startswith(f"# {part} ") for line in header), f"{name}: no {part} in the header"


def test_every_option_of_a_scheme_is_described_with_its_range() -> None:
    text = (ROOT / "docs" / "reading.md").read_text(encoding="utf-8")
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| `")]
    ranges = {name: row[-1].strip(" |") for row in rows if len(row) == 3 for name in re.findall(r"`(\w+)`", row[0])}
    assert set(ranges) == {field.name for field in dataclasses.fields(Scheme)} - {"name"}
    for name, (low, high) in Scheme._limits.items():
        assert f"{low:g} to {high:g}" in ranges[name], name
    for choice in (*STYLES, *GROUNDS):
        assert f"`{choice}`" in text


def _tables() -> list[list[str]]:
    """The rows of the table of tables: what, the table, the files and labels that come out, and what is said."""
    text = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
    section = text.partition("## Tables that are read")[2].partition("\n## ")[0]
    rows = [line.strip()[1:-1].split("|") for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in row] for row in rows[1:]]


def _read_table(path: Path) -> tuple[str, str]:
    """The files and labels of a table, and the notes, or what the refusal says."""
    try:
        listing = read_source(path)
    except CatalogError as error:
        return "", f"`{str(error).removeprefix(f'{path}: ').replace(str(path.parent), 'DATA')}`"
    rows = [f"`{each.file}: {each.label}{f' ({each.split})' if each.split else ''}`" for each in listing.rows]
    return " ".join(rows), " ".join(f"`{note}`" for note in listing.notes)


@pytest.mark.parametrize("row", _tables(), ids=lambda row: row[0])
def test_tables_are_read_as_the_page_says(row: list[str], tmp_path: Path) -> None:
    (tmp_path / "cat").mkdir()
    for name in ("a.png", "cat/b.PNG"):
        (tmp_path / name).touch()
    _, example, rows, said = row
    path = tmp_path / ("t.jsonl" if example.startswith("`{") else "t.csv")
    path.write_text(example.strip("`").replace("⏎", "\n"), encoding="utf-8")
    assert _read_table(path) == (rows, said)


def test_there_are_tables_to_check() -> None:
    assert len(_tables()) > 20
