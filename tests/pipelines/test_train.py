"""A training keeps its promises: what it leaves behind, how it goes on, what it freezes, what it refuses."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from safetensors.torch import load_file
from sklearn.utils.class_weight import compute_class_weight

import tellapart
from tellapart.cli import main
from tellapart.core.errors import CatalogError, ConfigError, TextError
from tellapart.pipelines.train import check_data, fit_only
from tellapart.serving.feedback_store import FeedbackStore
from tellapart.training._lightning import pl
from tellapart.training.build_model import build_network, build_preprocess
from tellapart.training.models.small_cnn import SmallNet
from tellapart.training.run_folder import Run
from tellapart.training.tasks.classification import ClassificationModule

TRAIN = 42  # 70 % of the 60 images
QUICK = {"backbone": "small", "epochs": 1, "batch_size": 16, "device": "cpu", "precision": "float32"}


@pytest.fixture
def train_module():
    assert tellapart.train
    return sys.modules["tellapart.pipelines.train"]


def lines(run):
    return [json.loads(line) for line in (Path(run) / "history.jsonl").read_text(encoding="utf-8").splitlines()]


def without_clock(history):
    return [{key: value for key, value in line.items() if key != "seconds"} for line in history]


def weights(run):
    return load_file(Path(run) / "model.safetensors")


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def stage_weights(run, number, kind="best"):
    """What a stage's checkpoint holds of the model."""
    file = Path(run) / "checkpoints" / f"stage-{number}" / f"{kind}.ckpt"
    state = torch.load(file, map_location="cpu", weights_only=True)["state_dict"]
    return {key.removeprefix("model."): value for key, value in state.items() if key.startswith("model.")}


def first_weights(run):
    """The weights that a run began with, made again from its seed."""
    torch.manual_seed(run.config.seed)
    return {key: value.clone() for key, value in build_network(run, pretrained=False).state_dict().items()}


# --- what it leaves behind ---------------------------------------------------------------------------


def test_the_contract_and_the_run_folder(shape_result, shape_run, shapes):
    assert list(shape_result) == ["run", "bundle", "seconds", "test"]
    assert shape_result["bundle"] == str(shape_run / "bundle")
    assert shape_result["seconds"] > 0
    test = shape_result["test"]
    assert test["split"] == "test"
    assert test["accuracy"].keys() == {"value", "ci95", "n"}
    left = {path.relative_to(shape_run).as_posix() for path in shape_run.rglob("*") if path.is_file()}
    stages = {f"checkpoints/stage-{n}/{name}" for n in (0, 1) for name in ("best.ckpt", "last.ckpt", "done.json")}
    assert left == stages | {
        "config.yaml", "data.parquet", "environment.json", "history.jsonl", "mistakes.json", "model.safetensors",
        "metrics.json", "calibration.json", "time.json", "bundle/bundle.json", "bundle/model.onnx", "bundle/README.md",
        "bundle/training_images.parquet",
    }  # fmt: skip
    assert json.loads((shape_run / "metrics.json").read_text(encoding="utf-8")) == test
    config = yaml.safe_load((shape_run / "config.yaml").read_text(encoding="utf-8"))
    assert (config["task"], config["seed"], config["height"], config["width"]) == ("classify", 7, 24, 24)
    environment = json.loads((shape_run / "environment.json").read_text(encoding="utf-8"))
    assert environment["versions"]["torch"] == torch.__version__
    catalog = tellapart.catalog(shapes, out=shape_run.parent / f"seen-{os.getpid()}.parquet")
    kept = Run.open(shape_run).catalog()
    assert set(kept.column("sha256")) == set(catalog.column("sha256"))
    assert [len(kept.rows(part)) for part in ("train", "val", "test")] == [TRAIN, 9, 9]


def test_the_history_has_a_line_an_epoch(shape_run):
    history = lines(shape_run)
    assert [(line["stage"], line["epoch"]) for line in history] == [(0, 1), (1, 1), (1, 2), (1, 3)]
    for line in history:
        assert line.keys() == {
            "stage", "epoch", "seconds", "val_loss", "val_accuracy", "val_macro_f1",
            "train_loss", "train_accuracy", "gap",
        }  # fmt: skip


def test_the_weights_kept_are_the_best_of_all_stages(shape_run):
    done = [json.loads((shape_run / f"checkpoints/stage-{n}/done.json").read_text(encoding="utf-8")) for n in (0, 1)]
    scores = [line["val_accuracy"] - 0.01 * min(line["val_loss"], 10) for line in lines(shape_run)]
    assert done[0]["score"] == pytest.approx(scores[0], abs=1e-5)
    assert done[1]["score"] == pytest.approx(max(scores[1:]), abs=1e-5)
    winner = max((0, 1), key=lambda n: done[n]["score"])
    assert same(weights(shape_run), stage_weights(shape_run, winner))


def test_the_same_call_again_answers_at_once(shapes, shape_options, shape_result, shape_run, tree, monkeypatch, capsys):
    def refuse(*_, **__):
        raise AssertionError("trained again")

    monkeypatch.setattr(pl.Trainer, "fit", refuse)
    before = tree(shape_run)
    assert tellapart.train(shapes, out=shape_run, **shape_options) == shape_result
    assert tree(shape_run) == before
    assert f"{shape_run}: finished already\n" in capsys.readouterr().err


def test_corrections_teach_with_the_original_data(draw_shapes, shape, encode, tmp_path, capsys):
    data = draw_shapes(tmp_path / "shapes", each=8, grouped=False)
    store = FeedbackStore(tmp_path / "corrections", "label")
    store.put((data / "bar" / "00.png").read_bytes(), "any.png", "disc")
    store.put(encode(shape("ring", 99)), "new.png", "ring")
    result = tellapart.train(data, store.folder, out=tmp_path / "run", **QUICK)
    catalog = Run.open(result["run"]).catalog()
    assert len(catalog) == 25
    labels = dict(zip(catalog.column("file"), catalog.column("label"), strict=True))
    assert labels["shapes/bar/00.png"] == "disc"
    assert "note: " + f"{store.folder}: corrects the label of 1 picture: shapes/bar/00.png (bar, now disc)\n" in (
        capsys.readouterr().err
    )
    assert tellapart.train(data, store.folder, out=tmp_path / "run", **QUICK) == result


def test_other_options_on_the_same_folder_are_refused(
    shapes, shape_options, shape_run, tree, refuses, draw_shapes, tmp_path
):
    before = tree(shape_run)
    with refuses(
        ConfigError,
        f"{shape_run}: holds another training (batch_size 16 there, 8 here); give another --out, or remove it",
    ):
        tellapart.train(shapes, out=shape_run, **shape_options | {"batch_size": 8})
    other = draw_shapes(tmp_path / "other", wrong=2)
    with refuses(ConfigError, f"{shape_run}: holds another training (other data); give another --out, or remove it"):
        tellapart.train(other, out=shape_run, **shape_options)
    assert tree(shape_run) == before


def test_a_folder_of_something_else_is_refused(shapes, shape_options, tmp_path, tree, refuses):
    (tmp_path / "thesis.txt").write_text("mine", encoding="utf-8")
    before = tree(tmp_path)
    with refuses(ConfigError, f"{tmp_path}: not empty and not a run; give another --out"):
        tellapart.train(shapes, out=tmp_path, **shape_options)
    assert tree(tmp_path) == before


def test_a_run_that_learnt_nothing_gives_way(shapes, tmp_path, refuses):
    with refuses(ConfigError, "backbone 'resnet81': timm has no such model (did you mean 'resnet18'?)"):
        fit_only(shapes, out=tmp_path / "run", **QUICK | {"backbone": "resnet81"})
    result = fit_only(shapes, out=tmp_path / "run", **QUICK)
    assert result["validation"]["score"] == max(Run.open(tmp_path / "run").scores())
    assert Run.open(tmp_path / "run").config.backbone == "small"


def test_without_out_the_folder_is_named_after_data_and_options(shapes, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = fit_only(shapes, **QUICK)
    assert Path(result["run"]).parent == Path("runs")
    assert Path(result["run"]).name.startswith("shapes-classify-")
    monkeypatch.setattr(pl.Trainer, "fit", None)  # calling it would be an error
    assert fit_only(shapes, **QUICK) == result


def test_a_recipe_draws_its_own_data_once(tmp_path, train_module, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(train_module, "recipe_part", lambda name, part: {"scheme": "digits", "n": 40, "seed": 3})
    options = {"epochs": 1, "height": 24, "batch_size": 16, "device": "cpu"}
    fit_only(recipe="captcha-text", **options)
    drawn = tmp_path / "runs" / "captcha-text-data"
    assert len(list((drawn / "images").iterdir())) == 40
    assert "drawing 40 images of the scheme 'digits' into runs/captcha-text-data" in capsys.readouterr().err
    fit_only(recipe="captcha-text", **options)
    assert "drawing" not in capsys.readouterr().err


def test_without_data_or_a_recipe_there_is_nothing_to_train(refuses):
    with refuses(ConfigError, "no data: name a folder, a table, Parquet shards or a catalog"):
        tellapart.train()
    with refuses(ConfigError, "no data: name a folder, a table, Parquet shards or a catalog"):
        tellapart.train(recipe="animal-object")


# --- how it goes on ----------------------------------------------------------------------------------

KILLED = """
import os, signal, sys, json
import tellapart
from tellapart.training.tasks.classification import ClassificationModule

step = ClassificationModule.training_step

def killing(self, batch, index):
    if (self.number, self.current_epoch, index) == (1, 1, 1):
        os.kill(os.getpid(), signal.SIGKILL)
    return step(self, batch, index)

ClassificationModule.training_step = killing
if __name__ == "__main__":
    tellapart.train(sys.argv[1], out=sys.argv[2], **json.loads(sys.argv[3]))
"""


@pytest.fixture(scope="module")
def killed(tmp_path_factory, shapes, shape_options):
    """A run that a SIGKILL stopped in the middle of the second epoch of its second stage."""
    folder = tmp_path_factory.mktemp("killed") / "run"
    command = [sys.executable, "-c", KILLED, str(shapes), str(folder), json.dumps(shape_options)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert not (folder / "model.safetensors").exists()
    return folder


def test_a_killed_run_goes_on_to_the_same_weights(killed, shapes, shape_options, shape_run, capsys):
    before = lines(killed)
    assert [(line["stage"], line["epoch"]) for line in before] == [(0, 1), (1, 1)]
    fit_only(shapes, out=killed, **shape_options)
    said = capsys.readouterr().err
    assert f"{killed}: going on\n" in said
    assert [line.partition(":")[0] for line in said.splitlines() if line.startswith("stage")] == [
        "stage 2 (all) epoch 2/3", "stage 2 (all) epoch 3/3"
    ]  # fmt: skip
    assert lines(killed)[:2] == before
    assert without_clock(lines(killed)) == without_clock(lines(shape_run))
    assert same(weights(killed), weights(shape_run))
    assert same(stage_weights(killed, 1, "last"), stage_weights(shape_run, 1, "last"))


def test_a_copied_run_goes_on_elsewhere(shape_run, shapes, shape_options, copied, monkeypatch):
    elsewhere = copied(shape_run, "elsewhere")
    for name in ("model.safetensors", "environment.json", "metrics.json", "checkpoints/stage-1/done.json"):
        (elsewhere / name).unlink()
    shutil.rmtree(elsewhere / "bundle")

    def refuse(self, batch, index):
        raise AssertionError("trained again")

    monkeypatch.setattr(ClassificationModule, "training_step", refuse)
    fit_only(shapes, out=elsewhere, **shape_options)
    assert same(weights(elsewhere), weights(shape_run))
    done = "checkpoints/stage-1/done.json"
    assert json.loads((elsewhere / done).read_text("utf-8")) == json.loads((shape_run / done).read_text("utf-8"))
    assert lines(elsewhere) == lines(shape_run)


def test_a_run_without_its_bundle_packs_again(shape_run, shapes, shape_options, shape_result, copied, tree):
    again = copied(shape_run)
    shutil.rmtree(again / "bundle")
    (again / "metrics.json").unlink()
    result = tellapart.train(shapes, out=again, **shape_options)
    figures = {key: value for key, value in result["test"].items() if key not in ("model", "data", "images_per_second")}
    assert figures.items() <= shape_result["test"].items()
    one, other = (tellapart.Bundle.open(run).manifest.to_json() for run in (again, shape_run))
    assert {**one, "parity": 0} == {**other, "parity": 0}


def test_ctrl_c_stops_cleanly_and_the_same_command_goes_on(
    shapes, shape_run, shape_options, tmp_path, monkeypatch, capsys, request
):
    out = tmp_path / "run"
    options = tmp_path / "options.yaml"
    options.write_text(yaml.safe_dump(shape_options), encoding="utf-8")
    command = ["train", str(shapes), "--out", str(out), "--config", str(options), "--json"]
    step = ClassificationModule.training_step

    def interrupted(self, batch, index):
        if (self.number, self.current_epoch) == (1, 1):
            signal.raise_signal(signal.SIGINT)
        return step(self, batch, index)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore Ctrl-C
    handler = signal.getsignal(signal.SIGINT)
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))
    monkeypatch.setattr(ClassificationModule, "training_step", interrupted)
    assert main(command) == 130
    printed = capsys.readouterr()
    assert json.loads(printed.out) == {"error": "stopped; the same command goes on from here"}
    assert printed.err.endswith("\nstopped; the same command goes on from here\n")
    assert signal.getsignal(signal.SIGINT) == handler
    monkeypatch.setattr(ClassificationModule, "training_step", step)
    assert main(command) == 0
    assert json.loads(capsys.readouterr().out)["run"] == str(out)
    assert same(weights(out), weights(shape_run))


# --- out of memory -----------------------------------------------------------------------------------


@pytest.fixture
def little_memory(monkeypatch):
    """Memory for so many images only, from the given call on."""
    forward = SmallNet.forward

    def limit(most, after=0):
        calls = iter(range(10**9))

        def stingy(self, x):
            if len(x) > most and next(calls) >= after:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
            return forward(self, x)

        monkeypatch.setattr(SmallNet, "forward", stingy)

    return limit


def test_out_of_memory_halves_the_batch_and_keeps_its_effect(shapes, tmp_path, little_memory, capsys, monkeypatch):
    updates = []
    step = torch.optim.AdamW.step
    monkeypatch.setattr(torch.optim.AdamW, "step", lambda self, *a, **k: updates.append(1) or step(self, *a, **k))
    fit_only(shapes, out=tmp_path / "plenty", **QUICK | {"epochs": 2})
    assert len(updates) == 2 * 3  # 42 images in steps of 16
    updates.clear()
    little_memory(5)
    fit_only(shapes, out=tmp_path / "little", **QUICK | {"epochs": 2})
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("out of memory")]
    assert said == [
        "out of memory: going on with 8 images a step, 2 steps an update",
        "out of memory: going on with 4 images a step, 4 steps an update",
    ]
    # The first step of each attempt that failed, then every 4 steps of 4 images, the rest of an epoch included.
    assert torch.load(tmp_path / "little/checkpoints/stage-0/last.ckpt", weights_only=True)["global_step"] == 2 * 3
    assert [line["epoch"] for line in lines(tmp_path / "little")] == [1, 2]


def test_where_memory_ran_out_leaves_no_trace(shapes, tmp_path, little_memory):
    for after in (0, 2):
        little_memory(8, after)
        fit_only(shapes, out=tmp_path / str(after), **QUICK)
    assert same(weights(tmp_path / "0"), weights(tmp_path / "2"))


def test_out_of_memory_with_one_image_says_what_helps(shapes, tmp_path, little_memory, refuses):
    little_memory(0)
    text = "out of memory with a single image a step; lower --height and --width, or use --device cpu"
    with refuses(ConfigError, text):
        fit_only(shapes, out=tmp_path / "run", **QUICK)


def test_another_runtime_error_is_not_taken_for_it(shapes, tmp_path, monkeypatch):
    def broken(self, x):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    monkeypatch.setattr(SmallNet, "forward", broken)
    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        fit_only(shapes, out=tmp_path / "run", **QUICK)


# --- what is frozen, weighed, stopped ----------------------------------------------------------------


def test_the_head_stage_leaves_the_backbone_and_its_norms_as_they_were(shape_run):
    before, after = first_weights(Run.open(shape_run)), stage_weights(shape_run, 0)
    assert before.keys() == after.keys()
    frozen = [key for key in before if key.startswith("backbone.")]
    assert any(key.endswith("running_mean") for key in frozen)
    assert any(key.endswith("num_batches_tracked") for key in frozen)
    assert [key for key in frozen if not torch.equal(before[key], after[key])] == []
    assert not torch.equal(before["head.weight"], after["head.weight"])
    assert not torch.equal(before["head.bias"], after["head.bias"])


def test_the_next_stage_trains_all_from_there(shape_run):
    before, after = stage_weights(shape_run, 0), stage_weights(shape_run, 1, "last")
    assert [key for key in before if torch.equal(before[key], after[key])] == []


def test_last_n_trains_these_blocks_and_the_head_only(shapes, tmp_path):
    stages = [{"train": "last:2", "epochs": 1, "lr": 1e-2}]
    fit_only(shapes, out=tmp_path / "run", **QUICK | {"stages": stages})
    before, after = first_weights(Run.open(tmp_path / "run")), weights(tmp_path / "run")
    changed = {key.rpartition(".")[0] for key in before if not torch.equal(before[key], after[key])}
    assert changed == {
        "head",
        *(f"backbone.blocks.5.body.{block}.{layer}" for block in (0, 1) for layer in (0, 1)),
        *(f"backbone.blocks.6.{layer}" for layer in (0, 1)),
    }


def test_balanced_weights_are_those_of_the_training_part(tmp_path, draw_shapes, monkeypatch):
    data = draw_shapes(tmp_path / "data", grouped=False)
    for index in range(6, 20):
        (data / "ring" / f"{index:02d}.png").unlink()
    made = []

    init = ClassificationModule.__init__

    def watched(self, *args, **kwargs):
        init(self, *args, **kwargs)
        made.append(self)

    monkeypatch.setattr(ClassificationModule, "__init__", watched)
    fit_only(data, out=tmp_path / "run", **QUICK, class_weights="balanced")
    catalog = Run.open(tmp_path / "run").catalog()
    labels = [catalog.column("label")[row] for row in catalog.rows("train")]
    assert labels.count("ring") < labels.count("disc")
    expected = compute_class_weight("balanced", classes=np.array(catalog.labels), y=np.array(labels))
    np.testing.assert_allclose(made[0].weights.numpy(), expected, rtol=1e-6)
    fit_only(data, out=tmp_path / "plain", **QUICK)
    assert made[1].weights is None


def test_a_stage_without_progress_stops_early(shapes, tmp_path, monkeypatch):
    monkeypatch.setattr(ClassificationModule, "validation_figures", lambda self, seen: {"loss": 1.0, "score": 0.5})
    fit_only(shapes, out=tmp_path / "run", **QUICK | {"epochs": 9, "patience": 2})
    assert [line["epoch"] for line in lines(tmp_path / "run")] == [1, 2, 3]
    done = json.loads((tmp_path / "run/checkpoints/stage-0/done.json").read_text("utf-8"))
    assert done == {"score": 0.5, "epochs": 3}


def test_the_order_of_images_is_another_in_each_epoch_and_the_same_again(shapes, tmp_path, monkeypatch):
    seen = []
    step = ClassificationModule.training_step

    def watched(self, batch, index):
        seen.append(batch[1].tolist())
        return step(self, batch, index)

    monkeypatch.setattr(ClassificationModule, "training_step", watched)
    fit_only(shapes, out=tmp_path / "a", **QUICK | {"epochs": 2})
    fit_only(shapes, out=tmp_path / "b", **QUICK | {"epochs": 2})
    first, second, third, fourth = ([*chain(*seen[start : start + 3])] for start in range(0, 12, 3))
    rows = Run.open(tmp_path / "a").catalog().rows("train")
    assert sorted(first) == sorted(second) == rows
    assert first != second
    assert (first, second) == (third, fourth)


def test_one_seed_one_result(shapes, tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        fit_only(shapes, out=tmp_path / name, **QUICK, seed=seed)
    assert same(weights(tmp_path / "a"), weights(tmp_path / "b"))
    assert not same(weights(tmp_path / "a"), weights(tmp_path / "c"))


def test_grey_pictures_make_a_grey_model(shape, tmp_path):
    for name in ("disc", "bar"):
        (tmp_path / "data" / name).mkdir(parents=True)
        for seed in range(10):
            Image.fromarray(shape(name, seed)).convert("L").save(tmp_path / f"data/{name}/{seed}.png")
    fit_only(tmp_path / "data", out=tmp_path / "run", **QUICK)
    run = Run.open(tmp_path / "run")
    assert run.config.colour == "grey"
    assert build_preprocess(run).channels == 1
    assert weights(run.path)["backbone.blocks.0.0.weight"].shape[1] == 1


# --- what it refuses ---------------------------------------------------------------------------------


@pytest.fixture
def untrained(monkeypatch):
    """No test here comes as far as training."""
    monkeypatch.setattr(pl.Trainer, "fit", None)


@pytest.mark.usefixtures("untrained")
class TestRefusals:
    def test_one_class_only(self, tmp_path, draw_shapes, refuses):
        data = draw_shapes(tmp_path / "data", classes=["disc"], grouped=False)
        text = f"{data}: only one class (disc); there is nothing to tell apart"
        with refuses(CatalogError, text):
            tellapart.train(data, out=tmp_path / "run", **QUICK)

    def test_a_class_without_a_training_image(self, tmp_path, draw_shapes, refuses):
        data = draw_shapes(tmp_path / "data", each=4, grouped=False)
        with (data / "labels.csv").open("w", encoding="utf-8") as stream:
            stream.write("file,label,split\n")
            for name in ("bar", "disc", "ring"):
                for index in range(4):
                    part = "test" if name == "ring" else ("train", "train", "val", "test")[index]
                    stream.write(f"{name}/{index:02d}.png,{name},{part}\n")
        with refuses(CatalogError, f"{data}: classes without a training image: ring"):
            tellapart.train(data, out=tmp_path / "run", **QUICK)

    def test_a_class_that_vanished(self, tmp_path, draw_shapes, refuses):
        data = draw_shapes(tmp_path / "data", grouped=False)
        (data / "box").mkdir()
        text = (
            f"{data}: 1 class has no usable image: box (empty); mend or remove what should hold them, or leave these "
            "classes out with --allow-lost-classes true"
        )
        with refuses(CatalogError, text):
            tellapart.train(data, out=tmp_path / "run", **QUICK)
        catalog = tellapart.split(data)
        with refuses(CatalogError, text):
            check_data(catalog)
        check_data(catalog, allow_lost_classes=True)

    def test_no_validation_part(self, tmp_path, draw_shapes, refuses):
        data = draw_shapes(tmp_path / "data", each=4, grouped=False)
        with (data / "labels.csv").open("w", encoding="utf-8") as stream:
            stream.write("file,label,split\n")
            stream.writelines(f"{name}/{n:02d}.png,{name},test\n" for name in ("bar", "disc") for n in range(4))
        with refuses(CatalogError, f"{data}: the train and val parts must both hold images"):
            tellapart.train(data, out=tmp_path / "run", **QUICK)

    def test_texts_that_are_taken_for_classes(self, tmp_path, draw_texts, refuses):
        data = draw_texts(tmp_path / "data", 12)
        table = "".join(f"{n:02d}.png,text{n}\n" for n in range(12))
        (data / "labels.csv").write_text(f"file,label\n{table}", encoding="utf-8")
        text = f"{data}: 12 classes of one image each; if the labels are texts, say --task read"
        with refuses(CatalogError, text):
            tellapart.train(data, out=tmp_path / "run", task="classify")

    def test_texts_too_long_for_their_pictures(self, tmp_path, refuses):
        data = tmp_path / "data"
        data.mkdir()
        with (data / "labels.csv").open("w", encoding="utf-8", newline="") as stream:
            table = csv.writer(stream)
            table.writerow(["file", "label"])
            for index in range(24):
                pixels = np.random.default_rng(index).integers(0, 256, (24, 30), dtype=np.uint8)
                Image.fromarray(pixels).save(data / f"{index:02d}.png")
                # 32 px are 8 steps: "1234567" fits, "11223344" needs blanks between its twins.
                table.writerow([f"{index:02d}.png", {3: "11223344", 5: "123456789"}.get(index, f"ab{index:02d}")])
        text = (
            "2 texts are longer than CTC can emit at their picture's width: 03.png ('11223344', 8 steps), "
            "05.png ('123456789', 8 steps); raise --height (now 24), which widens the pictures with it, or drop them"
        )
        with refuses(TextError, text):
            tellapart.train(data, out=tmp_path / "run", task="read", height=24, device="cpu")

    def test_a_backbone_nobody_knows(self, tmp_path, shapes, refuses):
        with refuses(ConfigError, "backbone 'resnet-18': timm has no such model (did you mean 'resnet18'?)"):
            tellapart.train(shapes, out=tmp_path / "run", **QUICK | {"backbone": "resnet-18"})

    def test_an_unknown_option(self, tmp_path, shapes, refuses):
        with refuses(ConfigError, "unknown option 'epoch' (did you mean 'epochs'?)"):
            tellapart.train(shapes, out=tmp_path / "run", epoch=3)
        assert not (tmp_path / "run").exists()

    def test_a_missing_folder(self, tmp_path, refuses):
        with refuses(CatalogError, f"{tmp_path / 'no'}: there is no such file or folder"):
            tellapart.train(tmp_path / "no", out=tmp_path / "run")
        assert not (tmp_path / "run").exists()
