"""What is decided from the data: the network, the size, the colour, the stages."""

from __future__ import annotations

import zlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tellapart.core.errors import ConfigError
from tellapart.data.opening import open_catalog
from tellapart.training.auto_config import (
    DEFAULT_BACKBONE,
    FEWEST,
    MOST,
    SMALL,
    TRANSFER_SIDE,
    TRANSFER_STAGES,
    UPDATES,
    is_grey,
    plan,
    preprocessing,
    scale_epochs,
    without_pretrained,
)
from tellapart.training.config import Stage, TrainConfig

# Stages that can be told apart by their rate.
stages = st.lists(st.integers(1, 60), min_size=1, max_size=5).map(
    lambda epochs: [Stage("all", each, lr=0.1 / (n + 1)) for n, each in enumerate(epochs)]
)


@pytest.fixture
def pictures(tmp_path, draw, encode):
    """A function that makes a catalog of eight pictures of a size, all of them in train."""

    def make(width, height, *, grey=False, task="classify", kind="PNG", **options):
        folder = tmp_path / f"{width} {height} {grey} {kind}"
        folder.mkdir(exist_ok=True)
        for n in range(8):
            image = Image.fromarray(draw(zlib.crc32(b"%d" % n), width, height))
            data = encode(image.convert("L").convert("RGB") if grey else image, kind, **options)
            (folder / f"x_{n}.{kind.lower()}").write_bytes(data)
        opened = open_catalog(folder, task=task, label_from="prefix")
        return opened.with_column("split", ["train"] * 6 + ["val", "test"])

    return make


# --- the network and its canvas


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
    made = plan(TrainConfig(), pictures(160, 60, task="read"))
    assert (made.task, made.backbone, made.height, made.width) == ("read", SMALL, 40, None)
    assert (made.colour, made.augment, made.batch_size, made.ema) == ("grey", "text", 32, 0.99)
    spec = preprocessing(made)
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
        ({"height": 48}, None),  # the shipped reader sees 40 px
        ({"colour": "rgb"}, None),
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
    small = preprocessing(plan(TrainConfig(), pictures(30, 20, grey=True)))
    assert (small.height, small.width, small.channels, small.pad) == (24, 32, 1, "edge")
    photo = preprocessing(plan(TrainConfig(), pictures(200, 100)), mean=[0.1, 0.2, 0.3], std=[0.4, 0.5, 0.6])
    assert (photo.height, photo.width, photo.channels, photo.pad) == (TRANSFER_SIDE, TRANSFER_SIDE, 3, "grey")
    assert (photo.mean, photo.std) == ((0.1, 0.2, 0.3), (0.4, 0.5, 0.6))


# --- grey or colour


@pytest.mark.parametrize(("kind", "options"), [("PNG", {}), ("JPEG", {"quality": 75}), ("WEBP", {"quality": 75})])
def test_grey_is_told_from_colour(pictures, kind, options):
    assert is_grey(pictures(60, 40, grey=True, kind=kind, **options))
    assert not is_grey(pictures(60, 40, kind=kind, **options))


def test_grey_small_images_are_planned_grey_and_coloured_ones_are_not(pictures):
    assert plan(TrainConfig(), pictures(30, 30, grey=True)).colour == "grey"
    assert plan(TrainConfig(), pictures(30, 30)).colour == "rgb"
    assert plan(TrainConfig(), pictures(100, 100, grey=True)).colour == "rgb", "ImageNet features were learnt in colour"


def test_one_coloured_picture_makes_a_set_coloured(pictures, draw, encode):
    data = pictures(40, 40, grey=True)
    assert is_grey(data)
    (data.root / "x_3.png").write_bytes(encode(draw(0, 40, 40)))
    assert not is_grey(data)


def test_a_speck_of_colour_is_no_colour_and_a_corner_is(pictures, encode):
    data = pictures(40, 40, grey=True)
    for side, grey in ((3, True), (6, False)):  # 9 and 36 of 1,600 pixels: under and over one in a hundred
        pixels = np.full((40, 40, 3), 90, np.uint8)
        pixels[:side, :side] = (255, 0, 0)
        (data.root / "x_3.png").write_bytes(encode(pixels))
        assert is_grey(data) is grey


@pytest.mark.parametrize(("red", "grey"), [(98, True), (120, False)])
def test_a_faint_cast_is_no_colour_and_a_tint_is(pictures, encode, red, grey):
    data = pictures(40, 40, grey=True)
    (data.root / "x_3.png").write_bytes(encode(np.full((40, 40, 3), (red, 90, 90), np.uint8)))
    assert is_grey(data) is grey


def test_a_damaged_picture_says_nothing_of_colour(pictures):
    data = pictures(40, 40, grey=True)
    (data.root / "x_0.png").write_bytes(b"gone bad since")
    assert is_grey(data)


# --- stages


@given(stages, st.integers(1, 8) | st.integers(1, 400))
def test_scaled_stages_have_as_many_epochs_as_asked(some_stages, epochs):
    scaled = scale_epochs(some_stages, epochs)
    assert sum(stage.epochs for stage in scaled) == epochs
    assert all(stage.epochs >= 1 for stage in scaled)
    rates = [stage.lr for stage in scaled]
    assert rates == [stage.lr for stage in some_stages if stage.lr in rates], "in their order"
    assert rates[-1] == some_stages[-1].lr, "the last stage never falls away"


@given(stages, st.integers(1, 20))
def test_scaled_stages_keep_their_shares(some_stages, times):
    total = sum(stage.epochs for stage in some_stages)
    assert scale_epochs(some_stages, total) == some_stages
    assert [stage.epochs for stage in scale_epochs(some_stages, total * times)] == [
        stage.epochs * times for stage in some_stages
    ]


@given(st.integers(1, 10**6), st.integers(1, 512))
def test_learning_from_nothing_takes_its_updates(images, batch_size):
    (stage,) = without_pretrained(images, batch_size, 1e-3)
    assert (stage.train, stage.lr) == ("all", 1e-3)
    assert FEWEST <= stage.epochs <= MOST
    steps = -(-images // batch_size)
    if FEWEST < stage.epochs < MOST:
        assert abs(stage.epochs * steps - UPDATES) <= steps / 2
