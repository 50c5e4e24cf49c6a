"""The site builds without a warning, works from a folder without a request, and shows every verb and every name."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import tellapart
from tellapart.cli import VERBS

ROOT = Path(__file__).parents[1]


def _script(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


tutorials = _script("tutorials")


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    pytest.importorskip("zensical")
    out = tmp_path_factory.mktemp("built") / "site"
    ran = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "site.py"), str(out)], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return out


def _navigation(entries):
    for entry in entries:
        for page in entry.values():
            yield from [page] if isinstance(page, str) else _navigation(page)


def test_every_page_is_in_the_navigation_and_every_entry_is_a_page(site):
    config = tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))["project"]
    entries = list(_navigation(config["nav"]))
    documents = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    alone = {name for name in documents if re.match(r"decisions/\d", name)}  # their list leads to them
    assert documents - alone <= set(entries)
    for entry in entries:
        assert (site / entry).with_suffix(".html").exists() or entry.endswith("README.md"), entry


def test_the_site_has_every_verb_and_every_public_name(site):
    commands = (site / "commands.html").read_text(encoding="utf-8")
    for verb in VERBS:
        assert f'id="{verb}"' in commands
        assert f"usage: tellapart {verb}" in commands
    api = (site / "api.html").read_text(encoding="utf-8")
    for name in tellapart.__all__:
        assert re.search(rf'id="tellapart\.{name}"', api), name


def test_the_site_names_no_script_style_or_picture_of_another_place(site):
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert not re.findall(r'<(?:script|img|iframe|source)[^>]*src="?(?:https?:)?//[^>]*', text), page.name
        assert not re.findall(r'<link(?![^>]*rel="?canonical)[^>]*href="?(?:https?:)?//[^>]*', text), page.name


def test_the_search_works_from_a_folder(site, tab):
    tab.goto((site / "index.html").as_uri())
    tab.get_by_role("button", name="Search").first.click()
    tab.wait_for_function("document.activeElement?.shadowRoot?.activeElement?.tagName === 'INPUT'")
    tab.keyboard.insert_text("rollback")
    tab.get_by_text(re.compile(r"^[1-9]\d* results?$")).first.wait_for(timeout=120_000)


def _words(text):
    return set(re.findall(r"[A-Za-z]{3,}", text))


@pytest.mark.parametrize("page", tutorials.PAGES, ids=lambda page: page.stem)
def test_a_tutorial_runs_and_prints_what_it_shows(page, tmp_path, monkeypatch, capsys):
    pytest.importorskip("torch")
    monkeypatch.chdir(tmp_path)
    ran = tutorials.run_page(page)
    assert ran
    for block in ran:
        assert block.status == 0, f"{block.code}\n{capsys.readouterr().err}"
        assert _words(block.shown) <= _words(block.printed), block.code
    for picture in tutorials.PICTURE.findall(page.read_text(encoding="utf-8")):
        assert (tmp_path / Path(picture).name).is_file(), picture
        assert (page.parent / picture).is_file(), picture
