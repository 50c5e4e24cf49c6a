"""Words become keyword arguments; help keeps the lines of its example."""

from __future__ import annotations

import pytest

from tellapart.cli.arguments import add_source_options, new_parser, parse
from tellapart.core.errors import ConfigError
from tellapart.data.source_options import SOURCE_OPTIONS


@pytest.fixture(autouse=True)
def photos(tmp_path, monkeypatch):
    """Folders of the names that the words below have."""
    monkeypatch.chdir(tmp_path)
    for name in ("photos", "my-photos"):
        (tmp_path / name).mkdir()


@pytest.fixture
def parser():
    parser = new_parser("catalog", "Look at every image. " * 20, example="tellapart catalog photos --out c.parquet")
    add_source_options(parser)
    parser.add_argument("--seed", type=int, default=0)
    return parser


def test_a_source_has_all_its_options(parser):
    options, as_json = parse(parser, ["photos"])
    assert options == {"data": "photos", "seed": 0, **dict.fromkeys(SOURCE_OPTIONS), "label_from": "auto"}
    assert as_json is False


def test_without_defaults_only_what_is_stated_is_left(parser):
    assert parse(parser, ["photos", "--json", "--seed=3"], defaults=False) == ({"data": "photos", "seed": 3}, True)


def test_a_model_says_the_task():
    parser = new_parser("map", "Draw.", example="tellapart map")
    add_source_options(parser, task=False)
    with pytest.raises(ConfigError, match=r"^no option 'task' \(see tellapart map --help\)$"):
        parse(parser, ["photos", "--task", "read"])


def test_only_names_of_options_are_respelled(parser):
    options, _ = parse(parser, ["my-photos", "--label-from=a-b", "--file-column", "--label_column"][:2])
    assert (options["data"], options["label_from"]) == ("my-photos", "a-b")


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["photos", "--sed", "3"], "no option 'sed' (did you mean 'seed'?) (see tellapart catalog --help)"),
        (
            ["photos", "--seed", "x"],
            "option seed: 'x' does not fit; give a whole number (see tellapart catalog --help)",
        ),
        (["a", "b"], "unrecognized arguments: b (see tellapart catalog --help)"),
        ([], "the following arguments are required: data (see tellapart catalog --help)"),
    ],
)
def test_refusals(parser, words, text, refuses):
    with refuses(ConfigError, text):
        parse(parser, words)


@pytest.mark.parametrize("value", ["[" * 5000, '{"a": ' * 5000, "9" * 5000])
def test_a_value_without_end_is_refused_in_a_sentence(said, value):
    status, out, err = said("audit", "photos", "--thresholds", value)
    assert (status, out) == (2, "")
    assert len(err) < 500
    assert err.startswith("tellapart: option thresholds: ")


@pytest.mark.parametrize("columns", ["40", "120"])
def test_help_wraps_the_description_and_keeps_the_example(columns, monkeypatch):
    monkeypatch.setenv("COLUMNS", columns)
    text = new_parser("demo", "One two three. " * 20, example="tellapart demo " + "word " * 40 + "end").format_help()
    description = [line for line in text.splitlines() if line.startswith("One")]
    assert max(map(len, description)) <= int(columns)
    assert text.endswith("example:\n  tellapart demo " + "word " * 40 + "end\n")


def test_dashes_and_underscores_are_alike(answered, texts, tmp_path):
    results = [
        answered("catalog", texts, option, "([0-9]+)", task, "read", "--out", tmp_path / "c.parquet")
        for option, task in (("--label-from", "--task"), ("--label_from", "--task"))
    ]
    results.append(answered("catalog", texts, "--label-from=([0-9]+)", "--task=read", "--out", tmp_path / "c.parquet"))
    assert results[0] == results[1] == results[2]
    assert results[0]["labels"] == 60  # by file name, not by the table


def test_a_name_that_looks_like_an_option_is_told_how_to_be_written(parser, tmp_path):
    (tmp_path / "-cats").mkdir()
    with pytest.raises(ConfigError, match=r"^-cats: it begins with a dash, as options do; write \./-cats \(see"):
        parse(parser, ["photos", "-cats"])
    assert parse(parser, ["./-cats"], defaults=False)[0] == {"data": "./-cats"}
