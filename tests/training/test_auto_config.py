"""What is decided from the data: the network, the size, the colour, the stages."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tellapart.core.errors import ConfigError
from tellapart.data.opening import open_catalog
from tellapart.training.auto_config import plan
from tellapart.training.config import SMALL, Stage, TrainConfig
from tellapart.training.models.backbones import DEFAULT_BACKBONE
from tellapart.training.schedule import TRANSFER_STAGES
from tellapart.training.tasks.classification import TRANSFER_SIDE
from tellapart.training.tasks.registry import get_task


@pytest.mark.parametrize(("width", "height"), [(63, 63), (28, 28), (52, 32), (20, 60), (8, 9)])
def test_small_images_take_the_small_net_at_their_own_size(pictures, width, height):
    made = plan(TrainConfig(), pictures(width, height))
    assert made.backbone == SMALL
    assert (made.height, made.width) == (-(-height // 8) * 8, -(-width // 8) * 8)
    assert (made.augment, made.batch_size) == ("glyph", 64)
    assert [stage.train for stage in made.stages] == ["all"]


@pytest.mark.parametrize(("width", "height"), [(64, 64), (64, 20), (200, 150)])
def test_other_images_take_the_pretrained_net(pictures, width, height):
    made = plan(TrainConfig(), pictures(width, height))
    assert made.backbone == DEFAULT_BACKBONE
    assert (made.height, made.width, made.colour) == (TRANSFER_SIDE, TRANSFER_SIDE, "rgb")
    assert (made.augment, made.batch_size) == ("photo", 32)
    assert made.stages == TRANSFER_STAGES["good"]


@pytest.mark.parametrize("effort", TRANSFER_STAGES)
def test_effort_is_a_list_of_stages(pictures, effort):
    assert plan(TrainConfig(effort=effort), pictures(200, 150)).stages == TRANSFER_STAGES[effort]


def test_the_usual_size_counts_and_not_an_odd_one(pictures, draw, encode):
    data = pictures(30, 30)
    (data.root / "x_0.png").write_bytes(encode(draw(0, 900, 900)))
    again = open_catalog(data.root, task="classify").with_column("split", ["train"] * 8)
    made = plan(TrainConfig(), again)
    assert (made.backbone, made.height, made.width) == (SMALL, 32, 32)


def test_a_small_net_on_large_images_has_a_limit(pictures):
    made = plan(TrainConfig(backbone=SMALL), pictures(300, 60))
    assert (made.height, made.width) == (64, 128)


def test_without_pretraining_all_of_the_net_learns(pictures):
    made = plan(TrainConfig(pretrained=False), pictures(100, 100))
    assert made.backbone == DEFAULT_BACKBONE
    assert [stage.train for stage in made.stages] == ["all"]


def test_reading_has_an_open_width(pictures):
    made = plan(TrainConfig(colour="grey"), pictures(160, 60, task="read"))
    assert (made.task, made.backbone, made.height, made.width) == ("read", SMALL, 40, None)
    assert (made.colour, made.augment, made.batch_size, made.ema) == ("grey", "text", 32, 0.99)
    spec = get_task(made.task).preprocess(made)
    assert (spec.height, spec.width, spec.channels, spec.pad) == (40, None, 1, "edge")


def test_only_a_reader_may_stretch(pictures):
    assert plan(TrainConfig(augment="text"), pictures(160, 60, task="read")).augment == "text"
    with pytest.raises(ConfigError, match="augment text: it changes the canvas's width, which only a reader takes"):
        plan(TrainConfig(augment="text"), pictures(32, 32))


@pytest.mark.parametrize(
    ("options", "init_from"),
    [
        ({}, "base"),
        ({"pretrained": False}, None),
        ({"height": 40}, "base"),
        ({"height": 48}, None),  # the shipped readers see 40 px
        ({"colour": "rgb"}, "base"),
        ({"colour": "grey"}, "small"),
        ({"backbone": "small"}, "small"),
        ({"backbone": "resnet18"}, None),
        ({"init_from": "mine"}, "mine"),
    ],
)
def test_a_reader_begins_with_the_shipped_one_where_that_fits(pictures, options, init_from):
    assert plan(TrainConfig(**options), pictures(160, 60, task="read")).init_from == init_from


def test_what_was_said_stays_said(pictures):
    said = TrainConfig(
        backbone=SMALL, height=40, colour="rgb", stages=[Stage("all", 7, 0.5)], batch_size=3, augment="none", ema=0.5
    )
    for task, width in (("classify", 72), ("read", None)):
        said = replace(said, width=width)
        made = plan(said, pictures(100, 50, task=task))
        for name in ("backbone", "height", "width", "colour", "stages", "batch_size", "augment", "ema"):
            assert getattr(made, name) == getattr(said, name)
        assert made.task == task


def test_a_rate_scales_the_stages_given_or_usual(pictures):
    usual = plan(TrainConfig(), pictures(100, 50))
    twice = plan(TrainConfig(lr=2 * usual.stages[-1].lr), pictures(100, 50))
    assert [stage.lr / other.lr for stage, other in zip(twice.stages, usual.stages, strict=True)][-1] == 2.0
    assert twice.lr is None  # the stages say it from here on
    given = [Stage("head", 1, 0.01), Stage("all", 2, 0.002)]
    assert [stage.lr for stage in plan(TrainConfig(stages=given, lr=0.1), pictures(100, 50)).stages] == [0.1, 0.02]
    with pytest.raises(ConfigError, match=r"^lr: a head in closed form has no learning rate; leave it out, or give"):
        plan(TrainConfig(effort="quick", lr=0.1), pictures(100, 100))


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"width": 96}, "width: for classify only; leave it out"),
        ({"flip_tta": True, "mixup": 0.2}, "flip_tta, mixup: for classify only; leave it out"),
    ],
)
def test_a_reader_passes_over_nothing(pictures, options, text, refuses):
    with refuses(ConfigError, text):
        plan(TrainConfig(**options), pictures(100, 50, task="read"))


def test_one_side_said_makes_a_square(pictures):
    made = plan(TrainConfig(height=96), pictures(200, 100))
    assert (made.height, made.width) == (96, 96)


def test_a_plan_is_its_own_plan(pictures):
    for data in (pictures(30, 30, grey=True), pictures(200, 100), pictures(200, 60, task="read")):
        made = plan(TrainConfig(), data)
        assert plan(made, data) == made
        fewer = plan(TrainConfig(epochs=5), data)
        assert sum(stage.epochs for stage in fewer.stages if stage.train != "solve") == 5
        assert plan(fewer, data) == fewer


def test_the_padding_follows_the_network(pictures):
    task = get_task("classify")
    small = task.preprocess(plan(TrainConfig(), pictures(30, 20, grey=True)))
    assert (small.height, small.width, small.channels, small.pad) == (24, 32, 1, "edge")
    photo = task.preprocess(plan(TrainConfig(), pictures(200, 100)), mean=[0.1, 0.2, 0.3], std=[0.4, 0.5, 0.6])
    assert (photo.height, photo.width, photo.channels, photo.pad) == (TRANSFER_SIDE, TRANSFER_SIDE, 3, "grey")
    assert (photo.mean, photo.std) == ((0.1, 0.2, 0.3), (0.4, 0.5, 0.6))


def test_grey_small_images_are_planned_grey_and_coloured_ones_are_not(pictures):
    assert plan(TrainConfig(), pictures(30, 30, grey=True)).colour == "grey"
    assert plan(TrainConfig(), pictures(30, 30)).colour == "rgb"
    assert plan(TrainConfig(), pictures(100, 100, grey=True)).colour == "rgb", "ImageNet features were learnt in colour"
