"""The notebooks of the examples are whole: executed, of no machine's paths, and their code still runs."""

from __future__ import annotations

import base64
import json
import re
import shlex
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from tellapart.cli import VERBS
from tellapart.training.recipes import recipe_names

EXAMPLES = Path(__file__).parents[1] / "examples"
NOTEBOOK = EXAMPLES / "faces.ipynb"
ALL = pytest.mark.parametrize("notebook", sorted(EXAMPLES.glob("*.ipynb")), ids=lambda path: path.stem)
MOST = 1_200_000  # bytes: it is opened in browsers, and kept in git
PICTURES = 5


def _cells(kind: str, notebook: Path = NOTEBOOK) -> list[dict]:
    return [cell for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == kind]


def _text(value: str | list[str]) -> str:
    """A notebook keeps a text as one string or as its lines."""
    return value if isinstance(value, str) else "".join(value)


def _pictures() -> list[bytes]:
    shown = [output.get("data", {}) for cell in _cells("code") for output in cell["outputs"]]
    return [base64.b64decode(_text(data["image/png"])) for data in shown if "image/png" in data]


@ALL
def test_it_is_a_notebook_of_format_4_and_not_too_large(notebook: Path) -> None:
    document = json.loads(notebook.read_text(encoding="utf-8"))
    assert document["nbformat"] == 4
    assert document["metadata"]["kernelspec"]["name"] == "python3"
    assert len({cell["id"] for cell in document["cells"]}) == len(document["cells"])
    assert notebook.stat().st_size < MOST


@ALL
def test_it_was_run_from_top_to_bottom_without_an_error(notebook: Path) -> None:
    cells = _cells("code", notebook)
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell["outputs"]]
    assert not [output for output in outputs if output["output_type"] == "error"]
    assert not [output for output in outputs if output.get("name") == "stderr"]


def test_it_shows_pictures() -> None:
    pictures = _pictures()
    assert len(pictures) >= PICTURES
    assert all(picture.startswith(b"\x89PNG") for picture in pictures)


@ALL
def test_it_names_no_place_of_the_machine_it_ran_on(notebook: Path) -> None:
    document = json.loads(notebook.read_text(encoding="utf-8"))
    for cell in document["cells"]:
        for output in cell.get("outputs", []):
            output.get("data", {}).pop("image/png", None)  # any letters may stand there
    text = re.sub(r"data:image/png;base64,[\w+/=]*", "", json.dumps(document))
    found = re.search(r"(?<![\w.])/(tmp|home|root|work|Users|var|mnt)\b.{0,40}|[A-Z]:\\\\", text)
    assert found is None, found


def _commands() -> list[str]:
    prose = "\n".join(_text(cell["source"]) for cell in _cells("markdown"))
    spans = [*re.findall(r"^    (tellapart .*)$", prose, re.MULTILINE), *re.findall(r"`(tellapart [^`]+)`", prose)]
    return sorted({command for command in spans if command.split()[1] in VERBS})


def test_its_commands_name_real_options_and_recipes() -> None:
    commands = [shlex.split(command) for command in _commands()]
    assert len(commands) > 5
    helps = {
        verb: subprocess.run(
            [sys.executable, "-m", "tellapart", verb, "--help"], capture_output=True, text=True, check=True
        ).stdout
        for verb in {words[1] for words in commands}
    }
    for words in commands:
        for option in (word for word in words if word.startswith("--")):
            name = "--" + option[2:].replace("_", "-")
            assert re.search(rf"{re.escape(name)}\b", helps[words[1]]), f"{option} is no option of {words[1]}"
        if "--recipe" in words:
            assert words[words.index("--recipe") + 1] in recipe_names()


def test_its_code_runs_from_top_to_bottom(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    monkeypatch.setenv("TELLAPART_SMALL", "1")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # what it writes goes with the test
    monkeypatch.chdir(tmp_path)
    scope: dict[str, object] = {}
    with matplotlib.rc_context():
        for number, cell in enumerate(_cells("code"), 1):
            exec(compile(_text(cell["source"]), f"{NOTEBOOK.name}, code cell {number}", "exec"), scope)
        drawn = len(pyplot.get_fignums())
        pyplot.close("all")
    assert drawn >= PICTURES
    said = capsys.readouterr().out
    assert re.search(r"F1 of teasing +[01]\.\d{3}, 95 % interval [01]\.\d{3} to [01]\.\d{3}", said)
    assert re.search(r"[1-9]\d* images a second", said)


def _run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scope: dict[str, Any]) -> dict[str, Any]:
    """Run the code of a notebook in a folder of its own, and return what it defined."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for number, cell in enumerate(_cells("code", EXAMPLES / f"{name}.ipynb"), 1):
        exec(compile(_text(cell["source"]), f"{name}.ipynb, code cell {number}", "exec"), scope)
    return scope


def test_reading_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scope = _run("reading", tmp_path, monkeypatch, {})
    assert len(scope["answers"]) == 60
    assert scope["figures"]["exact_match"]["value"] > 0.9


def test_the_audit_finds_what_was_planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scope = _run("audit", tmp_path, monkeypatch, {})
    table = scope["table"]
    gone = set(table[~table["keep"]]["file"])
    assert {"bar/empty.png", "bar/same.png", "ring/copy.png"} <= gone
    assert scope["again"]["kept"] == scope["cleaned"]["kept"] + 1


def test_serving_answers_corrects_and_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("starlette")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("TELLAPART_PORT", str(free.getsockname()[1]))
    scope: dict[str, Any] = {}
    try:
        _run("serving", tmp_path, monkeypatch, scope)
    finally:
        if "server" in scope and scope["server"].poll() is None:
            scope["server"].terminate()
    assert capsys.readouterr().out.splitlines() == ["ready", "True", "1 12345", "ended with 0"]
