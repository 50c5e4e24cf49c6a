"""A reader begins with another's weights: the network as it was, the letters by character."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import tellapart
from tellapart.core.errors import BundleError, ConfigError
from tellapart.data.opening import open_catalog
from tellapart.data.split import split as with_split
from tellapart.inference.base_model import small_reader
from tellapart.inference.bundle import Bundle
from tellapart.inference.charset import Charset
from tellapart.inference.preprocess import Preprocess
from tellapart.pipelines.training_view import with_preprocess
from tellapart.training.checkpointing import read_checkpoint
from tellapart.training.config import TrainConfig
from tellapart.training.models.ctc_reader import CTCReader
from tellapart.training.run_folder import Run
from tellapart.training.tasks.registry import get_task
from tellapart.training.warm_start import warm_start

SPEC = Preprocess(height=24, width=None, channels=1, pad="edge")


@pytest.fixture(scope="module")
def packed(text_run, tmp_path_factory):
    """A bundle with its weights."""
    return tellapart.export(text_run, out=tmp_path_factory.mktemp("packed") / "bundle", weights=True).path


def test_letters_are_matched_by_character(text_run):
    theirs, known = load_file(text_run / "model.safetensors"), Run.open(text_run).charset.characters
    charset = Charset((known[3], "é", known[0]))
    torch.manual_seed(0)
    model = CTCReader(charset.size)
    fresh = model.head.weight[2].detach().clone()
    assert warm_start(model, charset, SPEC, str(text_run)) is False  # it does not read an é
    head = model.state_dict()["head.weight"]
    assert torch.equal(head[[0, 1, 3]], theirs["head.weight"][[0, 4, 1]])
    assert torch.equal(head[2], fresh)
    assert torch.equal(model.state_dict()["features.0.0.weight"], theirs["features.0.0.weight"])


def test_a_bundle_with_weights_gives_them_in_half_precision(text_run, packed):
    theirs = load_file(text_run / "model.safetensors")
    model = CTCReader(Run.open(text_run).charset.size)
    assert warm_start(model, Run.open(text_run).charset, SPEC, str(packed)) is True
    for name, value in model.state_dict().items():
        assert torch.equal(value, theirs[name].half().to(value.dtype) if value.is_floating_point() else theirs[name])
    assert "model.safetensors" in Bundle.open(packed).manifest.files


def test_a_checkpoint_can_be_begun_with(text_run, copied, tmp_path):
    run = copied(text_run)
    (run / "model.safetensors").unlink()  # not finished
    charset = Run.open(run).charset
    model = CTCReader(charset.size)
    warm_start(model, charset, SPEC, str(run / "checkpoints" / "stage-0" / "best.ckpt"))
    best = load_file(text_run / "model.safetensors")
    assert all(torch.equal(value, best[name]) for name, value in model.state_dict().items())
    with pytest.raises(ConfigError, match=r"not within a run folder, such as RUN/checkpoints/stage-0/last\.ckpt"):
        warm_start(model, charset, SPEC, "last.ckpt")


def test_training_goes_on_from_what_was_learnt(text_run, copied, texts, text_options, tmp_path):
    brief = text_options | {"stages": [{"train": "all", "epochs": 1, "lr": 1e-5}], "seed": 5}
    scratch = tellapart.train(texts, out=tmp_path / "scratch", **brief)
    first = copied(text_run)
    started = tellapart.train(texts, out=tmp_path / "started", init_from=str(first), **brief)
    assert started["test"]["cer"]["value"] < scratch["test"]["cer"]["value"] / 2
    shutil.rmtree(first)  # what is finished needs it no more
    assert tellapart.train(texts, out=tmp_path / "started", init_from=str(first), **brief)["test"] == started["test"]


def test_few_images_leave_it_near_to_where_it_began(text_run, texts, text_options, tmp_path):
    """Between both by as many images as taught, and one a letter; where a letter is new, what was learnt counts."""
    options = text_options | {"stages": [{"train": "all", "epochs": 2, "lr": 5e-3}], "init_from": str(text_run)}
    run = Run.open(Path(tellapart.train(texts, out=tmp_path / "run", **options)["run"]))
    began, kept = load_file(text_run / "model.safetensors"), load_file(run.path / "model.safetensors")
    learnt = read_checkpoint(run.checkpoint("best"))
    share = (n := len(run.catalog().rows("train"))) / (n + len(run.charset.characters))
    for name, value in kept.items():
        expected = began[name] + share * (learnt[name] - began[name]) if value.is_floating_point() else learnt[name]
        torch.testing.assert_close(value, expected, msg=name)
    assert any(not torch.equal(value, learnt[name]) for name, value in kept.items())

    table = shutil.copytree(texts, tmp_path / "data") / "labels.csv"
    rows = [line.split(",") for line in table.read_text(encoding="utf-8").splitlines()]
    table.write_text("".join(f"{file},{text.replace('7', 'é')}\n" for file, text in rows), encoding="utf-8")
    other = Run.open(Path(tellapart.train(tmp_path / "data", out=tmp_path / "other", **options)["run"]))
    learnt = read_checkpoint(other.checkpoint("best"))
    assert all(torch.equal(v, learnt[name]) for name, v in load_file(other.path / "model.safetensors").items())


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (
            Preprocess(height=48, width=None, channels=1),
            "24 px in grey, here they have 48 px in grey",
        ),
    ],
)
def test_pictures_of_another_kind_are_refused(text_run, spec, words):
    charset = Run.open(text_run).charset
    with pytest.raises(ConfigError, match=words):
        warm_start(CTCReader(charset.size, spec.channels), charset, spec, str(text_run))


def test_a_folder_called_small_is_not_the_shipped_reader(text_run, tmp_path, monkeypatch):
    (tmp_path / "small").symlink_to(text_run)
    monkeypatch.chdir(tmp_path)
    assert Bundle.open("small").path == small_reader()
    assert Bundle.open("./small").charset.characters == ("0", "1", "4", "7")
    charset = Run.open(text_run).charset
    warm_start(CTCReader(charset.size), charset, SPEC, "./small")
    with pytest.raises(ConfigError, match="pictures of 40 px"):
        warm_start(CTCReader(charset.size), charset, SPEC, "small")


def test_what_is_no_reader_with_weights_is_refused(text_bundle, shape_run, shape_bundle, tmp_path):
    charset = Charset(("a",))
    for source, words in (
        (text_bundle, "this bundle only predicts; start from its run folder, or export it with --weights"),
        (shape_run, "a classifier; a reader can only start from a reader"),
        (shape_bundle, "a classifier; a reader can only start from a reader"),
    ):
        with pytest.raises(ConfigError, match=words):
            warm_start(CTCReader(charset.size), charset, SPEC, str(source))
    with pytest.raises(BundleError, match="no bundle"):
        warm_start(CTCReader(charset.size), charset, SPEC, str(tmp_path))
    with pytest.raises(ConfigError, match=r"another network than this version trains"):
        warm_start(CTCReader(charset.size, width=16), charset, SPEC, str(text_bundle.parent))


def test_a_classifier_takes_no_start(shapes, shape_run, shape_options, tmp_path):
    with pytest.raises(ConfigError, match="init_from: only a reader begins with another's weights"):
        tellapart.train(shapes, out=tmp_path / "run", init_from=str(shape_run), **shape_options)


def test_a_deep_reader_of_colour_begins_as_the_small_grey_one_that_it_begins_with(text_run):
    charset = Run.open(text_run).charset
    small, deep = CTCReader(charset.size), CTCReader(charset.size, 3, backbone="deep")
    assert warm_start(small, charset, SPEC, str(text_run))
    assert warm_start(deep, charset, replace(SPEC, channels=3), str(text_run))
    colour = torch.rand(2, 3, 24, 64)
    grey = (colour * torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)).sum(dim=1, keepdim=True)
    torch.testing.assert_close(deep.eval()(colour), small.eval()(grey), rtol=0, atol=1e-4)
    assert sum(map(torch.numel, deep.parameters())) > 1.9 * sum(map(torch.numel, small.parameters()))


def test_a_reader_of_grey_pictures_cannot_begin_with_one_of_coloured_ones(packed, tmp_path, monkeypatch):
    from tellapart.training import warm_start as module

    begin = module.open_beginning(str(packed))
    known, weights = begin.charset, begin.read()
    weights[module.FIRST] = weights[module.FIRST].expand(-1, 3, -1, -1)
    monkeypatch.setattr(module, "open_beginning", lambda source: begin._replace(read=lambda: weights, channels=3))
    with pytest.raises(ConfigError, match="it reads pictures of 24 px in colour, here they have 24 px in grey"):
        warm_start(CTCReader(known.size), known, SPEC, str(packed))


def test_what_is_left_open_is_as_with_the_reader_that_it_begins_with(texts):
    catalog = with_split(open_catalog(texts, task="read"))
    begun = get_task("read").plan(TrainConfig(task="read", init_from="base"), catalog)
    assert (begun.backbone, begun.colour, begun.height) == ("deep", "rgb", 40)
    assert with_preprocess(begun, catalog).preprocess == "zoom"
    grey = get_task("read").plan(TrainConfig(task="read", colour="grey"), catalog)
    assert (grey.backbone, grey.colour, grey.height, grey.init_from) == ("small", "grey", 40, "small")
    decided = TrainConfig(task="read", init_from="base", backbone="small", colour="grey", preprocess="none")
    planned = with_preprocess(get_task("read").plan(decided, catalog), catalog)
    assert (planned.backbone, planned.colour, planned.preprocess) == ("small", "grey", "none")
    gone = TrainConfig(task="read", init_from="nowhere", height=24)
    assert get_task("read").plan(gone, catalog).backbone == "small"  # a finished run needs it no more


def test_few_images_begin_with_the_reader_that_reads_most_and_many_with_the_faster_one(texts, monkeypatch):
    catalog = with_split(open_catalog(texts, task="read"))
    few = get_task("read").plan(TrainConfig(task="read"), catalog)
    assert (few.init_from, few.backbone, few.colour) == ("base", "deep", "rgb")
    monkeypatch.setattr("tellapart.training.tasks.recognition.FEW_IMAGES", len(catalog.training_rows()))
    many = get_task("read").plan(TrainConfig(task="read"), catalog)
    assert (many.init_from, many.backbone, many.colour) == ("small", "small", "grey")
    assert many.stages == few.stages
