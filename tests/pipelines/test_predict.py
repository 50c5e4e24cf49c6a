"""Answers part by part are those of the list; what is asked in a way that cannot be is refused."""

from __future__ import annotations

import pyarrow.parquet as pq
import pytest

import tellapart
from tellapart.core.errors import ConfigError, InputError
from tellapart.inference.prediction import Prediction
from tellapart.pipelines.predict import answers_table, from_row


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("drawn")
    tellapart.generate("digits", 6, folder / "d", seed=3)
    (folder / "d" / "images" / "00003.png").write_bytes(b"")
    return folder / "d"


def test_answers_in_parts_are_those_of_the_list(pictures, tmp_path):
    result = tellapart.predict("base", pictures, out=tmp_path / "out")
    assert result == {"out": str(tmp_path / "out"), "parts": 1, "done_before": 0, "images": 6, "broken": 1,
                      "tried_again": 0}  # fmt: skip
    (part,) = (tmp_path / "out").glob("*.parquet")
    listed = tellapart.predict("base", pictures, independent=True, threads=1)
    answers = [from_row(row, "read") for row in pq.read_table(part).to_pylist()]
    assert [(each.to_json(), each.confidence) for each in answers] == [
        (each.to_json(), each.confidence) for each in listed
    ]
    assert tellapart.predict("base", pictures, out=tmp_path / "out")["done_before"] == 1


def test_a_rule_is_kept_and_another_one_is_other_work(pictures, tmp_path):
    tellapart.predict("base", pictures, out=tmp_path / "out", alphabet="01")
    (part,) = (tmp_path / "out").glob("*.parquet")
    assert set("".join(text or "" for text in pq.read_table(part)["text"].to_pylist())) <= {"0", "1"}
    with pytest.raises(ConfigError, match="holds what another verb, model, source or option gave"):
        tellapart.predict("base", pictures, out=tmp_path / "out")


def test_a_table_keeps_a_classifiers_answer():
    shares = {"cat": 1 / 3, "dog": 2 / 3}
    one = Prediction("a.png", "classify", "cat", 1 / 3, shares, [], "pet", accepted=False, alternatives=[])
    bad = Prediction("b.png", "classify", error="the file is empty")
    assert [from_row(row, "classify") for row in answers_table([one, bad], "classify").to_pylist()] == [one, bad]


def test_a_folder_of_broken_images_is_refused_once_all_is_written(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").touch()
    with pytest.raises(InputError, match="not one of its images can be read"):
        tellapart.predict("base", tmp_path / "in", out=tmp_path / "out")
    assert len(list((tmp_path / "out").glob("*.parquet"))) == 1


@pytest.mark.parametrize(
    ("inputs", "options", "words"),
    [
        ("x", {"on": "ray"},
         "on: a cluster writes its answers; name a folder that all machines share, or a URL (--out)"),
        ("s3://b/x", {}, "s3://b/x: answers for what lies in storage are written part by part; name an --out"),
        ("a.png", {"out": "ans.csv"}, "ans.csv: --out is a folder of Parquet files; for one table leave it out and "
         "print the answers into a file: --csv > answers.csv or --json > answers.json (in Python: to_pandas() of what "
         "predict returns)"),
        ("-", {"out": "o"}, "-: standard input is answered without --out"),
        ("x", {"out": "o", "server": "http://a"},
         "server: it answers one list of images; with --out a bundle answers, without --server"),
    ],
)  # fmt: skip
def test_refusals(inputs, options, words, refuses, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with refuses(ConfigError, words):
        tellapart.predict("base", inputs, **options)
