"""Help of a verb is for people."""

from __future__ import annotations

import re

import pytest

from tellapart.cli import VERBS, main
from tellapart.cli.help_format import TRAINING_GROUPS
from tellapart.training.config import TrainConfig


@pytest.fixture(params=VERBS)
def text(request, capsys):
    with pytest.raises(SystemExit):
        main([request.param, "--help"])
    return capsys.readouterr().out


def test_no_python_shows(text):
    assert not re.search(r"null|None\b|Optional|Literal|type:|--\w+_\w+", text.split("example:")[0])
    assert len(text.splitlines()[0]) < 100
    assert text.startswith("usage: tellapart ")


def test_every_option_of_a_training_has_a_heading_and_a_help(capsys):
    names = [name for group in TRAINING_GROUPS.values() for name in group]
    assert sorted(names) == sorted(TrainConfig.__dataclass_fields__)
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    out = capsys.readouterr().out
    headings = [line[:-1] for line in out.splitlines() if line and line[0] != " " and line.endswith(":")]
    assert headings == ["positional arguments", "options", *TRAINING_GROUPS, "example"]
    for name in names:
        assert re.search(rf"^  --{name.replace('_', '-')} \S+(  +\S|\n {{24}}\S)", out, re.MULTILINE), name


@pytest.mark.parametrize(
    ("verb", "line"),
    [
        ("train", r"--pool-grid N .*\(default: 4\)"),
        ("train", r"--pretrained \{true,false\}.*\(default: true\)"),
        ("train", r"--augment \{photo,glyph,text,hues,face,trivial,robust,none\} "),
        ("audit", r"--thresholds MAPPING "),
        ("split", r"--fractions \S+ train, val, test \(default: \[0.7, 0.15, 0.15\]\)"),
        ("serve", r"--port N where to listen \(default: 3000\)"),
        ("split", r"--out PATH .*\(required\)"),
    ],
)
def test_values_and_defaults_are_plain(verb, line, capsys):
    with pytest.raises(SystemExit):
        main([verb, "--help"])
    assert re.search(line, " ".join(capsys.readouterr().out.split()))


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--learning-rate=0.1"], "--lr 0.001"),
        (["--gpu", "0"], "--device cuda"),
        (["--imgsz", "224"], "--height 224"),
        (["--batch", "8"], "--batch-size 32"),
    ],
)
def test_an_option_of_other_tools_is_answered_with_ours(words, text, capsys):
    assert main(["train", "photos", *words]) == 2
    name = words[0][2:].partition("=")[0].replace("-", "_")
    option = text.split()[0]
    expected = f"tellapart: no option {name!r}; {option} does it, such as {text} (see tellapart train --help)\n"
    assert capsys.readouterr().err == expected
