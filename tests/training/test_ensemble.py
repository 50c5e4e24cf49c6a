"""Several networks behind one graph: what they answer, how they go on, and the folds they learn on."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from safetensors.torch import load_file

import tellapart
from tellapart.core.errors import CatalogError, ConfigError
from tellapart.core.locks import LOCK
from tellapart.core.progress import log, speaking
from tellapart.data.opening import open_catalog
from tellapart.data.split import folds, split
from tellapart.inference.bundle import GRAPH
from tellapart.inference.ctc import decode_ctc
from tellapart.inference.predictor import Predictor
from tellapart.metrics import calibration
from tellapart.pipelines.train import fit_only
from tellapart.training import ensemble as members
from tellapart.training._lightning import pl
from tellapart.training.build_model import build_preprocess, load_model
from tellapart.training.run_folder import Run

OPTIONS = {
    "task": "classify", "backbone": "small", "stages": [{"train": "all", "epochs": 1, "lr": 3e-3}], "batch_size": 16,
    "seed": 5, "device": "cpu", "precision": "float32",
}  # fmt: skip


def weights(run):
    return load_file(Path(run) / "model.safetensors")


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


@pytest.fixture(scope="module")
def pair(tmp_path_factory, shapes):
    """Two networks from different seeds."""
    folder = tmp_path_factory.mktemp("pair") / "run"
    tellapart.train(shapes, out=folder, **OPTIONS, ensemble=2)
    return folder


@pytest.fixture(scope="module")
def threefold(tmp_path_factory, shapes):
    """Three networks on three validation parts."""
    folder = tmp_path_factory.mktemp("cv_folds") / "run"
    tellapart.train(shapes, out=folder, **OPTIONS, cv_folds=3)
    return folder


def probabilities(run, pixels):
    """What one network answers, without its temperature, in numpy behind its logits."""
    run = Run.open(run)
    spec = build_preprocess(run)
    x = ((pixels.astype(np.float64) / 255 - spec.mean) / spec.std).astype(np.float32).transpose(0, 3, 1, 2)
    with torch.inference_mode():
        logits = load_model(run)(torch.from_numpy(np.ascontiguousarray(x))).double().numpy()
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)


@pytest.mark.parametrize(("which", "count"), [("pair", 2), ("threefold", 3)])
def test_one_graph_answers_the_mean_of_its_members(which, count, request):
    folder = request.getfixturevalue(which)
    pixels = np.random.default_rng(0).integers(0, 256, (7, 24, 24, 3), dtype=np.uint8)
    members = sorted((folder / "members").iterdir())
    assert [member.name for member in members] == [str(number) for number in range(count)]
    each = [probabilities(member, pixels) for member in members]
    assert not np.allclose(each[0], each[1], atol=1e-3)
    temperature = Run.open(folder).calibration()["temperature"]
    cooled = np.mean(each, axis=0) ** (1 / temperature)
    wanted = cooled / cooled.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(Predictor(folder).run(pixels), wanted, atol=1e-5)
    graph = onnx.load(folder / "bundle" / GRAPH)
    assert sum(item.name.endswith("head.bias") for item in graph.graph.initializer) == count
    for number, member in enumerate(members):
        assert same(
            weights(member),
            {
                name.removeprefix(f"members.{number}."): value
                for name, value in weights(folder).items()
                if name.startswith(f"members.{number}.")
            },
        )


def test_members_begin_from_other_seeds(pair):
    seeds = [Run.open(member).config.seed for member in sorted((pair / "members").iterdir())]
    assert seeds == [5, 1005]
    one, other = (weights(member) for member in sorted((pair / "members").iterdir()))
    assert not torch.equal(one["head.weight"], other["head.weight"])


def test_the_first_member_is_the_network_that_would_be_alone(pair, shapes, tmp_path):
    fit_only(shapes, out=tmp_path / "alone", **OPTIONS)
    assert same(weights(tmp_path / "alone"), weights(pair / "members/0"))


# --- folds -------------------------------------------------------------------------------------------


def test_every_row_is_validated_once_and_the_test_part_never_learnt(threefold):
    whole = Run.open(threefold).catalog()
    parts = [Run.open(member).catalog() for member in sorted((threefold / "members").iterdir())]
    judged = [row for part in parts for row in part.rows("val")]
    assert sorted(judged) == sorted([*whole.rows("train"), *whole.rows("val")])
    for part in parts:
        assert part.rows("test") == whole.rows("test")
        assert part.column("sha256") == whole.column("sha256")
        assert not set(part.rows("train")) & set(part.rows("val"))
        assert {part.column("label")[row] for row in part.rows("val")} == {"bar", "disc", "ring"}
    sizes = [len(part.rows("val")) for part in parts]
    assert max(sizes) - min(sizes) <= 3


def test_the_temperature_of_folds_is_of_answers_that_taught_nothing(threefold):
    run = Run.open(threefold)
    labels = run.catalog().column("label")
    logits, target = [], []
    for member in sorted((threefold / "members").iterdir()):
        catalog, spec = Run.open(member).catalog(), build_preprocess(run)
        pixels = {row: spec.load(data) for row, data in catalog.read(catalog.rows("val"))}
        chance = probabilities(member, np.stack([pixels[row] for row in catalog.rows("val")]))
        logits.append(np.log(chance))
        target += [run.labels.index(labels[row]) for row in catalog.rows("val")]
    kept = run.calibration()
    assert kept["n"] == len(target)
    assert kept["temperature"] == pytest.approx(calibration.temperature(np.concatenate(logits), target), rel=1e-3)


def test_copies_stand_on_one_side_of_every_fold(draw_shapes, tmp_path):
    data = draw_shapes(tmp_path / "data", each=12, grouped=False)
    for name in ("bar", "disc"):
        for copy in range(3):
            (data / name / f"copy-{copy}.png").write_bytes((data / name / "00.png").read_bytes())
    catalog = tellapart.split(data)
    rows = [*catalog.rows("train"), *catalog.rows("val")]
    digests = catalog.column("sha256")
    assert len({digests[row] for row in rows}) < len(rows)
    made = folds(catalog, 4, seed=1)
    assert len(made) == 4
    for part in made:
        learnt, judged = ({digests[row] for row in part.rows(name)} for name in ("train", "val"))
        assert not learnt & judged
        assert part.rows("test") == catalog.rows("test")
    assert sorted(row for part in made for row in part.rows("val")) == sorted(rows)
    again, other = folds(catalog, 4, seed=1), folds(catalog, 4, seed=2)
    assert [part.column("split") for part in again] == [part.column("split") for part in made]
    assert [part.column("split") for part in other] != [part.column("split") for part in made]


def test_more_folds_than_images_are_refused(class_folders, refuses):
    catalog = tellapart.split(class_folders)
    n = len(catalog.rows("train")) + len(catalog.rows("val"))
    with refuses(CatalogError, f"{catalog.source}: {n} separate images do not make 99 folds; give fewer"):
        folds(catalog, 99)


# --- going on ----------------------------------------------------------------------------------------

KILLED = """
import os, signal, sys, json
import tellapart
import torch
from tellapart.training import ensemble
from tellapart.training.tasks.classification import ClassificationModule

ensemble._at_once = lambda run, cores: 1  # in this process, which is killed
torch.set_num_threads(1)
step = ClassificationModule.training_step

def killing(self, batch, index):
    if self.config.seed == 1005 and index == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return step(self, batch, index)

ClassificationModule.training_step = killing
if __name__ == "__main__":
    tellapart.train(sys.argv[1], out=sys.argv[2], **json.loads(sys.argv[3]))
"""


@pytest.fixture(scope="module")
def killed(tmp_path_factory, shapes):
    """A run that a SIGKILL stopped while its second member learnt."""
    folder = tmp_path_factory.mktemp("killed-member") / "run"
    command = [sys.executable, "-c", KILLED, str(shapes), str(folder), json.dumps(OPTIONS | {"ensemble": 2})]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    return folder


def test_other_options_do_not_take_over_a_trained_member(killed, shapes, refuses, tree):
    (killed / LOCK).unlink()  # the dead process's, which the next command removes
    before = tree(killed)
    assert (killed / "members/0/model.safetensors").is_file()
    text = f"{killed}: holds another training (batch_size 16 there, 8 here); give another --out, or remove it"
    with refuses(ConfigError, text):
        tellapart.train(shapes, out=killed, **OPTIONS | {"batch_size": 8}, ensemble=2)
    assert tree(killed) == before


def test_killed_in_the_second_member_it_goes_on_to_the_same_weights(killed, pair, shapes):
    first = killed / "members/0/model.safetensors"
    written = first.stat().st_mtime_ns
    fit_only(shapes, out=killed, **OPTIONS, ensemble=2)
    assert first.stat().st_mtime_ns == written
    assert same(weights(killed), weights(pair))
    assert Run.open(killed).calibration() == Run.open(pair).calibration()


def test_who_speaks_beside_others_says_its_name(capsys):
    with speaking("member 1 of 2"):
        log("one", "two")
    log("three")
    assert capsys.readouterr().err == "member 1 of 2: one\nmember 1 of 2: two\nthree\n"


def test_side_by_side_members_learn_what_each_learns_alone(pair, shapes, tmp_path, monkeypatch):
    monkeypatch.setattr(members, "_at_once", lambda run, cores: 1)
    threads = torch.get_num_threads()
    torch.set_num_threads(members.cpu_count() // min(2, members.cpu_count()))
    try:
        fit_only(shapes, out=tmp_path / "run", **OPTIONS, ensemble=2)
    finally:
        torch.set_num_threads(threads)
    assert same(weights(tmp_path / "run"), weights(pair))


def test_members_that_learnt_nothing_give_way(shapes, tmp_path, refuses):
    with refuses(ConfigError, "backbone 'resnet81': timm has no such model (did you mean 'resnet18'?)"):
        fit_only(shapes, out=tmp_path / "run", **OPTIONS | {"backbone": "resnet81"}, ensemble=2)
    # As where a session ended before its first epoch did: the member's folder stands, of the other options.
    from tellapart.training.ensemble import _runs

    run = Run.open(tmp_path / "run")
    assert [Run.open(member.path).config.backbone for member in _runs(run, run.catalog(), 1)] == ["resnet81"] * 2
    fit_only(shapes, out=tmp_path / "run", **OPTIONS, ensemble=2)
    assert [Run.open(tmp_path / f"run/members/{n}").config.backbone for n in (0, 1)] == ["small"] * 2


@pytest.fixture(scope="module")
def readers(texts, tmp_path_factory):
    """Two readers that began with the faster shipped one."""
    folder = tmp_path_factory.mktemp("readers") / "run"
    stages = [{"train": "all", "epochs": 2, "lr": 1e-3}]
    options = {"init_from": "small", "device": "cpu", "precision": "float32", "seed": 3}
    tellapart.train(texts, out=folder, task="read", ensemble=2, stages=stages, **options)
    return folder


def test_readers_are_one_of_their_mean_weights(readers):
    one, other = (weights(member) for member in sorted((readers / "members").iterdir()))
    assert not same(one, other)
    mean = weights(readers)
    assert mean.keys() == one.keys()
    for name, value in mean.items():
        if value.is_floating_point():
            assert torch.allclose(value, (one[name] + other[name]) / 2), name
    card = (readers / "bundle/README.md").read_text(encoding="utf-8")
    assert "Begun with the weights of `small`, seed 3, the mean of 2 trainings." in card
    assert (readers / "bundle/model.onnx").stat().st_size < 5e6  # one network, not two


def test_the_mean_reader_is_calibrated_and_judged(readers):
    run = Run.open(readers)
    catalog, model, spec = run.catalog(), load_model(run), build_preprocess(run)
    right = []
    for row, data in catalog.read(catalog.rows("test")):
        pixels = torch.from_numpy(spec.load(data))[None].permute(0, 3, 1, 2)
        with torch.inference_mode():
            said = model((pixels / 255 - 0.5) / 0.5).softmax(2).numpy()
        right.append(decode_ctc(said, run.charset)[0].text == catalog.column("label")[row])
    assert run.metrics()["exact_match"]["value"] == pytest.approx(np.mean(right))
    assert run.calibration()["n"] == len(catalog.rows("val"))


def test_readers_that_begin_from_nothing_are_not_averaged(texts, tmp_path, monkeypatch, refuses):
    monkeypatch.setattr(pl.Trainer, "fit", None)
    nothing = (
        "ensemble: readers are averaged where all begin with the same weights; "
        "leave out --ensemble, or begin with another reader (--init-from)"
    )
    folds = "cv_folds: readers' answers cannot be averaged, as their steps need not agree; give --ensemble"
    for option, text in (({"ensemble": 2, "pretrained": False}, nothing), ({"ensemble": 2, "height": 24}, nothing),
                         ({"cv_folds": 3}, folds)):  # fmt: skip
        with refuses(ConfigError, text):
            tellapart.train(texts, out=tmp_path / "run", task="read", device="cpu", **option)
    assert not (tmp_path / "run").exists()


# --- members that are no copies ------------------------------------------------------------------------


def test_resampled_images_are_as_many_of_each_class_and_others_for_each_member(shapes):
    catalog = split(open_catalog(shapes), seed=0)
    labels = catalog.column("label")
    drawn = [members.resampled(catalog, 7, number) for number in (1, 2)]
    for each in drawn:
        assert Counter(labels[row] for row in each.training_rows()) == Counter(
            labels[row] for row in catalog.training_rows()
        )
        assert each.rows("val") == catalog.rows("val")
        assert len(set(each.training_rows())) < len(catalog.training_rows())
    assert drawn[0].training_rows() != drawn[1].training_rows()
    assert members.resampled(catalog, 7, 1).training_rows() == drawn[0].training_rows()


def test_an_image_that_counts_twice_is_drawn_twice_as_often(shapes):
    catalog = split(open_catalog(shapes), seed=0)
    rows = catalog.rows("train")
    times = [3 if row == rows[0] else 1 for row in catalog.rows()]
    drawn = members.resampled(catalog.with_column("times", times), 0, 1)
    assert len(drawn.training_rows()) == len(rows) + 2


def test_members_with_a_head_in_closed_form_differ(draw_shapes, tmp_path):
    data = draw_shapes(tmp_path / "data", each=8, grouped=False)
    options = {"task": "classify", "effort": "quick", "backbone": "resnet10t", "pretrained": False, "height": 32}
    run = Run.open(fit_only(data, out=tmp_path / "run", ensemble=2, device="cpu", **options)["run"])
    heads = [load_file(run.member(number) / "model.safetensors")["head.weight"] for number in range(2)]
    assert not torch.equal(*heads)


def test_copies_are_refused(tmp_path, refuses):
    folders = [tmp_path / name for name in "abc"]
    for folder, content in zip(folders, (b"1", b"2", b"1"), strict=True):
        folder.mkdir()
        (folder / "model.safetensors").write_bytes(content)
    members._check_distinct(folders[:2])
    text = (
        "members 1 and 3 are one and the same network, as what they began with validated best; leave out --ensemble, "
        "or let more epochs teach"
    )
    with refuses(ConfigError, text):
        members._check_distinct(folders)
