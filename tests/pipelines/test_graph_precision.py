"""A bundle of a lower precision answers nearly as before and says what that cost, or is not written."""

from __future__ import annotations

import json
import shutil
import sys

import onnx
import pytest
from onnx import TensorProto

import tellapart
from tellapart.cli import main
from tellapart.core.errors import ConfigError, ParityError
from tellapart.inference.bundle import CARD, GRAPH, Bundle
from tellapart.pipelines import graph_precision
from tellapart.training.run_folder import Run

WEIGHTS = {"int8": TensorProto.INT8, "float16": TensorProto.FLOAT16}


@pytest.fixture
def run(request, monkeypatch):
    """A finished run, whose graph of float32 is copied instead of being made again."""
    found = request.getfixturevalue(f"{request.param}_run")
    assert tellapart.export
    monkeypatch.setattr(
        sys.modules["tellapart.pipelines.export"],
        "write_graph",
        lambda deployed, spec, path: shutil.copy(found / "bundle" / GRAPH, path),
    )
    return found


@pytest.mark.parametrize("precision", ["int8", "float16"])
@pytest.mark.parametrize("run", ["shape", "text"], indirect=True)
def test_it_answers_and_says_what_it_cost(run, precision, tmp_path, monkeypatch):
    monkeypatch.setattr(graph_precision, "LOSS", 0.2)  # of nine images a single one is more than a hundredth
    whole = tellapart.load(run / "bundle")
    bundle = tellapart.export(run, out=tmp_path / "small", precision=precision)
    catalog = Run.open(run).catalog()
    rows = catalog.rows("val")
    about = bundle.manifest.precision
    assert (about.kind, about.n) == (precision, len(rows))
    assert about.calibrated_on == (len(catalog.rows("train")) if precision == "int8" else 0)
    small = tellapart.load(bundle.path)
    images = [data for _, data in catalog.read(rows)]
    right = [sum(each.answer == catalog.column("label")[row] for row, each in zip(rows, answers, strict=True))
             for answers in (whole.predict(images), small.predict(images))]  # fmt: skip
    assert [about.before, about.after] == [right[0] / len(rows), right[1] / len(rows)]
    assert about.before - about.after <= 0.2
    kinds = {item.data_type for item in onnx.load(bundle.path / GRAPH).graph.initializer}
    assert WEIGHTS[precision] in kinds
    card = (bundle.path / CARD).read_text(encoding="utf-8")
    assert f"**Its numbers are {precision}**" in card
    assert f"a share of {about.after:.4f} right, in float32 {about.before:.4f}" in card
    assert bundle.manifest.metrics is None  # those of the run are of float32
    assert Bundle.open(bundle.path).manifest == bundle.manifest


@pytest.mark.parametrize("run", ["shape"], indirect=True)
def test_what_answers_worse_is_not_written(run, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(graph_precision, "LOSS", -1)  # nothing is good enough
    words = ["export", str(run), "--out", str(tmp_path / "small"), "--int8"]
    assert main(words) == 1
    said = capsys.readouterr().err
    assert "int8: of 9 validation images it answers " in said
    assert "more than -1 may not be lost, so nothing was written; try --fp16, or leave it out" in said
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ParityError, match=r"^float16: of 9 validation images .*; leave it out$"):
        tellapart.export(run, out=tmp_path / "small", precision="float16")


@pytest.mark.parametrize("run", ["shape"], indirect=True)
def test_the_verb_prints_both_figures(run, tmp_path, capsys):
    assert main(["export", str(run), "--out", str(tmp_path / "small"), "--fp16", "--json"]) == 0
    lowered = json.loads(capsys.readouterr().out)["precision"]
    assert lowered == Bundle.open(tmp_path / "small").manifest.to_json()["precision"]


def test_the_runs_own_bundle_stays_whole(shape_run, tmp_path, refuses, capsys):
    with refuses(ConfigError, "precision int8: name an out too; the run's own bundle is of float32"):
        tellapart.export(shape_run, precision="int8")
    with refuses(ConfigError, "precision 'int4': give int8 or float16, or leave it out for float32"):
        tellapart.export(shape_run, out=tmp_path / "small", precision="int4")
    assert main(["export", str(shape_run), "--out", str(tmp_path / "small"), "--int8", "--fp16"]) == 2
    assert "int8 and fp16: a graph has one precision; give one of them" in capsys.readouterr().err
