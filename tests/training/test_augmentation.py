"""Changes that keep the label: what they do, against references, and that a seed decides them."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from scipy import ndimage

from tellapart.training.augmentation import (
    PRESETS,
    Augmentation,
    _erase,
    _matrices,
    augment,
    augmentation_of,
    show,
    without_text,
)
from tellapart.training.augmentation_steps import warp
from tellapart.training.config import TrainConfig

SIZES = [(24, 24), (20, 50), (50, 20)]


def dice(seed=0):
    return torch.Generator().manual_seed(seed)


def pictures(n=4, channels=3, height=24, width=24, seed=1):
    return torch.rand(n, channels, height, width, generator=dice(seed))


def smooth(height, width):
    """A blurred picture, 1, 1, H, W: interpolation errors on it are small."""
    noise = np.random.default_rng(0).random((height, width))
    soft = ndimage.gaussian_filter(noise, 3)
    return torch.tensor((soft - soft.min()) / np.ptp(soft), dtype=torch.float32)[None, None]


def drawn(**values):
    """The dice of `_matrices` for one picture: 0.5 changes nothing, 1 is the whole range."""
    names = ("turn", "shear", "zoom", "stretch", "x", "y", "flip")
    return torch.tensor([[values.get(name, 1.0 if name == "flip" else 0.5) for name in names]])


def warped(picture, how, **values):
    return warp(picture, _matrices(*picture.shape[2:], how, drawn(**values)), picture.shape[3])


def moved(picture, matrix, offset=(0.0, 0.0)):
    """The reference: output (y, x) about the centre is input ``matrix`` times it plus ``offset`` px."""
    pixels = picture[0, 0].numpy()
    centre = (np.array(pixels.shape) - 1) / 2
    start = centre - matrix @ centre + np.array(offset)
    return ndimage.affine_transform(pixels, matrix, start, order=1, mode="nearest")


def assert_inside_alike(ours, reference, margin=3):
    inside = (slice(margin, -margin), slice(margin, -margin))
    np.testing.assert_allclose(ours[0, 0].numpy()[inside], reference[inside], atol=2e-3)


def test_none_is_the_identity():
    batch = pictures()
    assert torch.equal(augment(batch, PRESETS["none"], dice()), batch)


@pytest.mark.parametrize("preset", ["photo", "glyph", "face"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("height", "width"), SIZES)
def test_shape_range_and_change(preset, channels, height, width):
    batch = pictures(8, channels, height, width)
    kept = batch.clone()
    result = augment(batch, PRESETS[preset], dice())
    assert result.shape == batch.shape
    assert result.dtype == torch.float32
    assert result.min() >= 0
    assert result.max() <= 1
    assert torch.equal(batch, kept)
    assert all(not torch.allclose(one, other, atol=0.02) for one, other in zip(result, batch, strict=True))


@pytest.mark.parametrize("preset", ["photo", "glyph", "face", "trivial", "text"])
def test_the_seed_decides(preset):
    batch = pictures()
    how = PRESETS[preset]
    assert torch.equal(augment(batch, how, dice(3)), augment(batch, how, dice(3)))
    assert not torch.equal(augment(batch, how, dice(3)), augment(batch, how, dice(4)))
    generator = dice(3)
    assert not torch.equal(augment(batch, how, generator), augment(batch, how, generator))


def test_the_global_dice_are_left_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    augment(pictures(), PRESETS["photo"], dice())
    augment(pictures(), PRESETS["glyph"], dice())
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_flip_mirrors_half_of_the_images(height, width):
    batch = pictures(200, 1, height, width)
    result = augment(batch, Augmentation(flip=True), dice())
    mirrored = [torch.allclose(one, other.flip(-1), atol=1e-4) for one, other in zip(result, batch, strict=True)]
    kept = [torch.allclose(one, other, atol=1e-4) for one, other in zip(result, batch, strict=True)]
    assert all(a != b for a, b in zip(mirrored, kept, strict=True))
    assert 70 < sum(mirrored) < 130


def test_letters_are_never_mirrored():
    assert not PRESETS["glyph"].flip
    assert not PRESETS["none"].flip


@pytest.mark.parametrize(("height", "width"), SIZES)
@pytest.mark.parametrize("share", [0.0, 0.75, 1.0])
def test_a_turn_is_a_turn_in_pixels_also_where_pictures_are_not_square(height, width, share):
    picture = smooth(height, width)
    angle = math.radians(30) * (share * 2 - 1)
    ours = warped(picture, Augmentation(turn=30), turn=share)
    # Rows and columns of the reference are y and x: the same rotation, seen from there.
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    assert_inside_alike(ours, moved(picture, turn))


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_a_zoom_scales_both_sides_alike(height, width):
    picture = smooth(height, width)
    for share, factor in ((1.0, 1.25), (0.0, 1 / 1.25)):
        ours = warped(picture, Augmentation(zoom=0.25), zoom=share)
        assert_inside_alike(ours, moved(picture, np.eye(2) * factor))


def test_a_stretch_changes_the_height_only():
    picture = smooth(24, 40)
    ours = warped(picture, Augmentation(zoom=0.25), stretch=1.0)
    assert_inside_alike(ours, moved(picture, np.diag([math.sqrt(1.25), 1.0])))


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_a_shift_is_a_share_of_each_side(height, width):
    picture = smooth(height, width)
    ours = warped(picture, Augmentation(shift=0.1), x=1.0, y=0.0)
    assert_inside_alike(ours, moved(picture, np.eye(2), (-0.1 * height, 0.1 * width)), margin=6)


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_a_shear_leans_by_its_angle(height, width):
    picture = smooth(height, width)
    ours = warped(picture, Augmentation(shear=20), shear=1.0)
    assert_inside_alike(ours, moved(picture, np.array([[1.0, 0.0], [math.tan(math.radians(20)), 1.0]])))


def test_a_stretched_canvas_shows_all_of_the_picture():
    batch = smooth(24, 96).repeat(3, 1, 1, 1)
    widths = set()
    for seed in range(60):
        result = augment(batch, Augmentation(stretch=0.5), dice(seed))
        width = result.shape[3]
        widths.add(width)
        assert result.shape == (3, 1, 24, width)
        whole = F.interpolate(batch, (24, width), mode="bilinear", align_corners=False)
        torch.testing.assert_close(result, whole, atol=1e-4, rtol=0)
    assert widths == set(range(64, 152, 8))  # from two thirds to half as much again


def test_a_stretched_canvas_is_never_nothing():
    assert augment(pictures(1, 1, 8, 3), Augmentation(stretch=0.5), dice()).shape[3] == 8


def test_beyond_the_border_lie_the_outermost_pixels():
    picture = torch.zeros(1, 1, 10, 10)
    picture[..., -1] = 1.0
    ours = warped(picture, Augmentation(shift=0.5), x=1.0)
    assert torch.equal(ours[..., 5:], torch.ones(1, 1, 10, 5))
    assert ours[..., :4].abs().max() < 1e-5


def test_light_and_contrast_keep_the_colours_of_a_flat_picture_apart_from_light():
    flat = torch.full((300, 3, 4, 4), 0.5)
    assert torch.allclose(augment(flat, Augmentation(contrast=0.9), dice()), flat)
    lit = augment(flat, Augmentation(light=0.1), dice())
    steps = (lit - flat)[:, 0, 0, 0]
    assert torch.allclose(lit - flat, steps.view(-1, 1, 1, 1).expand_as(flat), atol=1e-6)
    assert -0.1 <= steps.min() < -0.08
    assert 0.08 < steps.max() <= 0.1


def test_contrast_scales_about_the_mean():
    batch = 0.4 + 0.2 * pictures(100, 1)
    result = augment(batch, Augmentation(contrast=0.5), dice())
    spread = result.std(dim=(1, 2, 3)) / batch.std(dim=(1, 2, 3))
    torch.testing.assert_close(result.mean(dim=(1, 2, 3)), batch.mean(dim=(1, 2, 3)))
    assert 0.5 <= spread.min() < 0.6
    assert 1.4 < spread.max() <= 1.5


def test_colour_leaves_grey_pictures_grey():
    grey = pictures(4, 1).expand(-1, 3, -1, -1)
    assert torch.allclose(augment(grey, Augmentation(colour=0.9), dice()), grey, atol=1e-6)
    one = pictures(4, 1)
    assert torch.equal(augment(one, Augmentation(colour=0.9), dice()), one)
    assert not torch.allclose(augment(pictures(), Augmentation(colour=0.9), dice()), pictures(), atol=0.05)


def test_noise_is_of_the_size_it_says():
    flat = torch.full((200, 1, 32, 32), 0.5)
    spread = augment(flat, Augmentation(noise=0.05), dice()).std(dim=(1, 2, 3))
    assert spread.max() < 0.056
    assert spread.max() > 0.045
    assert spread.min() < 0.005


def test_erasing_blanks_a_square_of_the_share_it_says():
    batch = torch.zeros(1, 3, 40, 40)
    result = _erase(batch, 0.5, torch.tensor([[1.0, 0.0, 0.5, 0.5]]))
    blank = result[0, 0] == 0.5
    assert torch.equal(result[0, 0], result[0, 2])
    rows, columns = torch.nonzero(blank.any(dim=1)).flatten(), torch.nonzero(blank.any(dim=0)).flatten()
    assert abs(len(rows) - 20) <= 1
    assert abs(len(columns) - 20) <= 1
    assert blank.sum() == len(rows) * len(columns)
    assert torch.equal(_erase(batch, 0.5, torch.tensor([[1.0, 0.6, 0.5, 0.5]])), batch)  # the other half of images


def test_erasing_is_a_square_on_a_wide_picture_too():
    result = _erase(torch.zeros(1, 1, 40, 80), 0.5, torch.tensor([[1.0, 0.0, 0.5, 0.5]]))
    blank = result[0, 0] == 0.5
    assert abs(int(blank.any(dim=1).sum()) - int(blank.any(dim=0).sum())) <= 1


# --- one strong change an image ----------------------------------------------------------------------


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("height", "width"), SIZES)
def test_a_trivial_change_keeps_shape_and_range(channels, height, width):
    batch = pictures(40, channels, height, width)  # so many that every kind of change is drawn
    kept = batch.clone()
    result = augment(batch, PRESETS["trivial"], dice())
    assert result.shape == batch.shape
    assert result.dtype == torch.float32
    assert torch.isfinite(result).all()
    assert result.min() >= 0
    assert result.max() <= 1
    assert torch.equal(batch, kept)


def test_trivial_changes_are_of_many_kinds():
    alone = Augmentation(trivial=True)
    batch = pictures(1).repeat(60, 1, 1, 1)
    result = augment(batch, alone, dice())
    assert len({each.numpy().tobytes() for each in result}) > 20
    assert any(torch.equal(each, batch[0]) for each in result)  # nothing at all is one of the kinds


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_the_dice_of_others_are_left_alone(preset):
    torch.manual_seed(5)
    before = torch.get_rng_state(), np.random.get_state()[1].tolist()
    augment(pictures(), PRESETS[preset], dice())
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.random.get_state()[1].tolist() == before[1]
    torch.manual_seed(6)  # and they do not reach in
    one = augment(pictures(), PRESETS[preset], dice())
    torch.manual_seed(7)
    assert torch.equal(one, augment(pictures(), PRESETS[preset], dice()))


# --- a picture of it ---------------------------------------------------------------------------------


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("preset", ["photo", "glyph", "trivial"])
def test_the_picture_has_a_line_an_image_with_its_copies(tmp_path, channels, preset):
    rows = [numbers(20, 30, channels, seed=seed) for seed in range(3)]
    show(rows, PRESETS[preset], tmp_path / "seen.png", copies=4)
    with Image.open(tmp_path / "seen.png") as picture:
        assert picture.format == "PNG"
        assert picture.mode == ("L" if channels == 1 else "RGB")
        assert picture.size == (30 * 5, 20 * 3)
        pixels = np.asarray(picture).reshape(60, 150, channels)
    for place, row in enumerate(rows):
        line = pixels[place * 20 : place * 20 + 20]
        assert np.array_equal(line[:, :30], row)
        assert all(not np.array_equal(line[:, start : start + 30], row) for start in range(30, 150, 30))
        assert not np.array_equal(line[:, 30:60], line[:, 60:90])


def test_narrower_images_leave_white_beside_them(tmp_path):
    show([numbers(16, 32, 1), numbers(16, 20, 1)], PRESETS["glyph"], tmp_path / "seen.png")
    with Image.open(tmp_path / "seen.png") as picture:
        assert picture.size == (32 * 8, 16 * 2)
        assert (np.asarray(picture)[16:, 20 * 8 :] == 255).all()


def test_stretched_copies_stand_side_by_side(tmp_path):
    show([numbers(16, 64, 1), numbers(16, 64, 1, seed=1)], PRESETS["text"], tmp_path / "seen.png")
    with Image.open(tmp_path / "seen.png") as picture:
        assert picture.height == 32
        assert picture.width != 64 * 8


def test_the_seed_decides_the_picture_and_none_changes_nothing(tmp_path):
    rows = [numbers(16, 16, 3)]
    for name, preset, seed in (("a", "photo", 1), ("b", "photo", 1), ("c", "photo", 2), ("none", "none", 1)):
        show(rows, PRESETS[preset], tmp_path / f"{name}.png", seed=seed)
    read = {path.stem: path.read_bytes() for path in tmp_path.iterdir()}
    assert read["a"] == read["b"] != read["c"]
    with Image.open(tmp_path / "none.png") as picture:
        assert np.array_equal(np.asarray(picture), np.tile(rows[0], (1, 8, 1)))


def test_swapped_channels_are_the_same_channels():
    batch = torch.rand(16, 3, 8, 8)
    swapped = augment(batch, Augmentation(swap=True), torch.Generator().manual_seed(0))
    torch.testing.assert_close(swapped.sort(dim=1).values, batch.sort(dim=1).values)
    assert 4 < sum(not torch.equal(one, other) for one, other in zip(batch, swapped, strict=True)) <= 16


def test_a_share_of_the_images_becomes_its_negative():
    batch = torch.rand(400, 1, 4, 4)
    result = augment(batch, Augmentation(invert=0.25), torch.Generator().manual_seed(0))
    negative = [torch.allclose(one, 1 - other) for one, other in zip(batch, result, strict=True)]
    same = [torch.equal(one, other) for one, other in zip(batch, result, strict=True)]
    assert sum(negative) + sum(same) == 400
    assert 70 < sum(negative) < 130


@pytest.mark.parametrize(("height", "width"), [(40, 96), (45, 33)])
def test_pictures_without_a_text_have_the_shape_and_lose_the_letters(height, width):
    batch = torch.zeros(40, 1, height, width)
    batch[:, :, height // 4 : height // 2, width // 3 : width // 2] = 1
    results = without_text(batch, torch.Generator().manual_seed(0))
    assert results.shape == batch.shape
    assert results.min() >= 0
    assert results.max() <= 1
    assert not any(torch.equal(one, other) for one, other in zip(batch, results, strict=True))


@pytest.mark.parametrize(
    ("config", "usual"),
    [
        ({"task": "classify", "backbone": "small", "height": 24}, "glyph"),
        ({"task": "classify", "backbone": "resnet18", "height": 224}, "photo"),
        ({"task": "read", "height": 40}, "text"),
    ],
)
def test_robust_is_the_usual_preset_and_then_damage(config, usual):
    how = augmentation_of(TrainConfig(augment="robust", **config))
    assert replace(how, damage=()) == PRESETS[usual]
    kinds = {step.kind: step for step in how.damage}
    assert set(kinds) == {"rotate", "brightness", "contrast", "blur", "pixelate", "noise", "jpeg"}
    assert kinds["blur"].range[1] == pytest.approx(
        0.02 * config["height"]
    )  # as soft on small pictures as on large ones
    assert all(0 < step.p < 1 for step in how.damage)
    batch = pictures(16)
    result = augment(batch, how, dice(2))
    assert result.min() >= 0
    assert result.max() <= 1
    assert torch.equal(result, augment(batch, how, dice(2)))
    plain = augment(batch, PRESETS[usual], dice(2))
    same = [torch.equal(one, other) for one, other in zip(result, plain, strict=True)]
    assert not all(same)  # the same beginning, then damage to some
