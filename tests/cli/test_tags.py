"""Several labels an image on the command line."""

from __future__ import annotations

import csv
import io

import pyarrow.parquet as pq
import pytest

import tellapart


@pytest.fixture
def new(tagged, renewed):
    return renewed(tagged)


def test_evaluate_says_each_tag(said, answered, new, tag_bundle):
    report = answered("evaluate", tag_bundle, new)
    code, prose, _ = said("evaluate", tag_bundle, new)
    lines = prose.splitlines()
    assert code == 0
    figure = report["mean_average_precision"]
    low, high = figure["ci95"]
    assert f"mean average precision {figure['value']:.4f}   95 % interval {low:.4f} to {high:.4f}" in lines
    start = lines.index(f"{'tags':<5}  precision     recall         f1         ap  threshold   images")
    for place, (name, scores) in enumerate(report["per_label"].items(), start + 1):
        keys = ("precision", "recall", "f1", "average_precision")
        values = [f"{scores[key]:.4f}" for key in keys]
        at = f"{report['thresholds']['at'][name]:.4f}"
        assert lines[place].split() == [name, *values, at, str(scores["support"])]
    assert "thresholds chosen for f1" in lines


def test_evaluate_as_csv(said, new, tag_bundle):
    rows = list(csv.DictReader(io.StringIO(said("evaluate", tag_bundle, new, "--csv")[1])))
    assert [row["tag"] for row in rows] == ["blue", "green", "red"]
    assert all(0 <= float(row["average_precision"]) <= 1 for row in rows)


def test_predict_in_every_form(said, answered, tagged, tag_bundle):
    files = sorted(tagged.glob("*.png"))[:12]
    rows = answered("predict", tag_bundle, *files)["predictions"]
    expected = tellapart.load(tag_bundle).predict(files)
    assert [row["tags"] for row in rows] == [list(each.value) for each in expected]
    assert [] in [row["tags"] for row in rows]
    table = said("predict", tag_bundle, *files)[1].splitlines()
    assert [line.split()[1] for line in table] == [each.answer for each in expected]
    printed = said("predict", tag_bundle, *files, "--probabilities")[1]
    csv_rows = list(csv.DictReader(io.StringIO(printed)))
    assert [row["tags"] for row in csv_rows] == [each.answer for each in expected]
    assert float(csv_rows[0]["probability: red"]) == pytest.approx(expected[0].probabilities["red"], abs=1e-6)


def test_answers_written_part_by_part_teach_the_next_model(said, tagged, tag_bundle, tmp_path):
    assert said("predict", tag_bundle, tagged, "--out", tmp_path / "answers")[0] == 0
    (part,) = (tmp_path / "answers").glob("*.parquet")
    catalog = tellapart.Bundle.open(tag_bundle)
    assert catalog.task == "tag"

    rows = pq.read_table(part).to_pylist()
    expected = tellapart.load(tag_bundle).predict([row["file"] for row in rows])
    assert [row["tags"] for row in rows] == [list(each.value) for each in expected]


@pytest.mark.parametrize(
    ("words", "verb"),
    [
        (["explain", "MODEL", "IMAGE"], "explain"),
        (["compare", "MODEL", "MODEL"], "compare"),
        (["next", "MODEL", "DATA", "--out", "OUT/next.csv"], "next"),
        (["map", "MODEL", "DATA", "--out", "OUT/map.html"], "map"),
        (["ensemble", "MODEL", "MODEL", "--out", "OUT/both"], "ensemble"),
        (["clean", "DATA", "--task", "tag", "--out", "OUT/c.parquet", "--audit", "OUT/audit"], "clean"),
        (["prepare", "DATA", "--task", "tag", "--out", "OUT/prepared"], "prepare"),
        (["balance", "DATA", "--task", "tag", "--out", "OUT/b.parquet"], "balance"),
    ],
)
def test_what_knows_no_tags_says_so_in_one_sentence(said, words, verb, tagged, tag_bundle, tmp_path):
    names = {"MODEL": tag_bundle, "DATA": tagged, "IMAGE": tagged / "000.png"}
    code, out, err = said(*(str(names.get(word, word)).replace("OUT", str(tmp_path)) for word in words))
    assert (code, out) == (2, "")
    assert f"several labels an image (tag); {verb} knows classify" in err.splitlines()[-1]


def test_the_list_of_runs_shows_the_figures(said, tag_run):
    code, out, _ = said("runs", tag_run.parent / "tag-run")
    assert code == 0
    assert "mean average precision" in out


def test_shards_and_features_take_several_labels_as_their_errors_say(said, tmp_path, draw_tagged):
    data = draw_tagged(tmp_path / "data", n=4, wrong=0)
    (data / "labels.csv").write_text(
        "file,label\n000.png,\"['red', 'blue']\"\n001.png,\"['blue']\"\n", encoding="utf-8"
    )
    code, _, err = said("shards", data / "labels.csv", "--out", tmp_path / "refused")
    assert code == 2
    assert "say --task tag" in err
    assert said("shards", data / "labels.csv", "--out", tmp_path / "shards", "--task", "tag")[0] == 0
    assert tellapart.catalog(tmp_path / "shards", out=tmp_path / "c.parquet", task="tag").labels == ("blue", "red")
    for number, source in enumerate([data / "labels.csv", tmp_path / "shards"]):
        out = tmp_path / f"{number}.parquet"
        assert said("embed", "small", source, "--out", out, "--task", "tag")[0] == 0
        assert [row["label"] for row in pq.read_table(out).to_pylist()] == ["blue|red", "blue"]
