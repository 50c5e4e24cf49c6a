"""The verbs that make a model useful: predict and export."""

from __future__ import annotations

import json

import pytest

import tellapart


def test_predict(answered, said, shapes, shape_run, text_run, texts, tmp_path):
    file = min(shapes.rglob("*.png"))
    expected = tellapart.predict(shape_run, [file, tmp_path / "gone.png"])
    assert answered("predict", shape_run, file, tmp_path / "gone.png") == {
        "predictions": [prediction.to_json() for prediction in expected]
    }
    good = expected[0]
    assert said("predict", shape_run, file, tmp_path / "gone.png") == (
        0,
        f"{file.name}    {good.answer}  ({good.group})  {good.confidence:.3f}\n"
        "gone.png  error: there is no such file\n",
        "",
    )
    reading = tellapart.predict(text_run, texts / "00.png")[0]
    assert said("predict", text_run, texts / "00.png", "--csv") == (
        0, f"file,text,confidence,error\n{texts / '00.png'},{reading.answer},{reading.confidence:.6f},\n", ""
    )  # fmt: skip
    assert said("predict", text_run, texts / "00.png")[1] == f"00.png  {reading.answer}  {reading.confidence:.3f}\n"


@pytest.mark.parametrize("option", ["--csv", "--csv-safe", "--probabilities"])
def test_csv_and_json_are_two_things(said, option):
    message = f"{option} prints CSV and --json JSON; give one of them"
    status, out, err = said("predict", "base", "a.png", option, "--json")
    assert (status, json.loads(out), err) == (2, {"error": message}, f"tellapart: {message}\n")


def test_csv_that_a_spreadsheet_computes_nothing_of(said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert said("predict", "base", "=1.png", "a.png", "--csv-safe")[1].splitlines() == [
        "file,text,confidence,error",
        "'=1.png,,,there is no such file",
        "a.png,,,there is no such file",
    ]
    assert said("predict", "base", "=1.png", "--csv")[1].splitlines()[1] == "=1.png,,,there is no such file"


def test_a_file_name_commands_no_terminal(said, tmp_path, monkeypatch, fill):
    name = "a\x1b[2J\x9b.png"
    for words in (("predict", "base", name), ("predict", "base", name, "--json"), ("summary", name)):
        status, out, err = said(*words)
        assert status == 2
        assert (out + err).replace("\n", "").isprintable()
    assert json.loads(said("predict", "base", name, "--json")[1])["predictions"][0]["file"] == name
    assert name in said("predict", "base", name, "--csv")[1], "a file or a pipe gets the name as it is"
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert said("predict", "base", name, "--csv")[1].replace("\n", "").isprintable()
    fill(tmp_path, ["cat\x1b[2J/a\x1b[2J.png", "dog\x1b[2J/b.png"])
    (tmp_path / "dog\x1b[2J/c.png").write_bytes(b"")
    for words in (("summary", tmp_path), ("catalog", tmp_path, "--out", tmp_path / "c.parquet")):
        for more in ((), ("--json",)):
            status, out, err = said(*words, *more)
            assert status == 0
            assert (out + err).replace("\n", "").isprintable()


def test_only_bad_images_are_unusable_input(said, shape_run, tmp_path):
    (tmp_path / "a.png").write_bytes(b"")
    status, out, err = said("predict", shape_run, tmp_path / "a.png", tmp_path / "b.png", "--json")
    assert (status, err) == (2, "")
    assert [row["error"] for row in json.loads(out)["predictions"]] == ["the file is empty", "there is no such file"]


def test_export(answered, said, shape_run, tmp_path, monkeypatch):
    result = answered("export", shape_run, "--out", tmp_path / "bundle")
    about = tellapart.Bundle.open(tmp_path / "bundle").manifest.to_json()
    assert result == {"bundle": str(tmp_path / "bundle"), "parity": about["parity"]}
    monkeypatch.setattr(tellapart, "export", lambda run, **options: tellapart.Bundle.open(tmp_path / "bundle"))
    worst = about["parity"]["largest_difference"]
    assert said("export", shape_run)[1] == (
        f"bundle    {tmp_path / 'bundle'}\nanswers as the trained model: 19 comparisons on 9 images, 0 different "
        f"answers, largest difference of a probability {worst:.1e}\n"
        f"next      tellapart predict {tmp_path / 'bundle'} IMAGE ...\n"
    )


def test_answers_go_into_parts_and_the_same_command_goes_on(said, answered, texts, tmp_path):
    first = answered("predict", "base", texts, "--out", tmp_path / "out")
    assert (first["parts"], first["done_before"], first["images"]) == (1, 0, 60)
    status, out, err = said("predict", "base", texts, "--out", tmp_path / "out")
    assert (status, out) == (0, f"{tmp_path / 'out'}: 1 part, 1 of them there before; 0 images now\n")
    assert tellapart.predict("base", texts, out=tmp_path / "out")["done_before"] == 1  # the same work, asked otherwise
    assert said("predict", "base", texts, "--out", tmp_path / "out", "--csv")[0] == 2
    status, out, err = said("predict", "base", texts, "--on", "ray")
    assert (status, out) == (2, "")
    assert err.startswith("tellapart: on: a cluster writes its answers")


def test_next(answered, said, shape_run, shapes, renewed, tmp_path, monkeypatch):
    pool = renewed(shapes)
    monkeypatch.chdir(tmp_path)
    result = answered("next", shape_run, pool, "--n", 3)
    assert (result["table"], result["page"], result["n"], len(result["images"])) == ("next.csv", "next.html", 3, 3)
    assert said("next", shape_run, pool, "--n", 3, "--out", "some.csv")[:2] == (
        0,
        "3 of 60 images\ntable     some.csv\npage      some.html\n"
        "next      fill in the table's labels, then: tellapart train DATA some.csv\n",
    )
    status, _, err = said("next", shape_run, pool, "--n", 0)
    assert (status, err) == (2, "tellapart: n 0: give 1 or more\n")
