"""The steps of a list of augmentations, each against a reference, seeded, and for its share of the images."""

from __future__ import annotations

import colorsys
import io

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import ndimage

from tellapart.training.augmentation import augment, augmentation_of
from tellapart.training.augmentation_options import KINDS, AugmentStep
from tellapart.training.augmentation_steps import apply_steps
from tellapart.training.config import TrainConfig


def dice(seed=0):
    return torch.Generator().manual_seed(seed)


def pictures(n=4, channels=3, height=24, width=32):
    """Blurred noise, so that interpolation errors are small."""
    noise = np.random.default_rng(1).random((n, channels, height, width))
    soft = ndimage.gaussian_filter(noise, (0, 0, 3, 3))
    soft = (soft - soft.min()) / np.ptp(soft)
    return torch.tensor(soft * 0.6 + 0.2, dtype=torch.float32)


def changed(kind, amount, batch, **options):
    limits = None if amount is None else (amount, amount)
    return apply_steps(batch, [AugmentStep(kind, limits, **options)], dice())


def inside(batch, margin=6):
    return batch[..., margin:-margin, margin:-margin].numpy()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("channels", [1, 3])
def test_each_keeps_shape_and_range_and_is_seeded(kind, channels):
    batch = pictures(channels=channels)
    kept = batch.clone()
    one, again = (apply_steps(batch, [AugmentStep(kind)], dice(3)) for _ in range(2))
    assert torch.equal(one, again)
    assert torch.equal(batch, kept)
    assert one.shape == batch.shape
    assert 0 <= one.min() <= one.max() <= 1
    grey_has_none = channels == 1 and kind in ("hue", "saturation")
    assert torch.allclose(one, batch, atol=1e-3) == grey_has_none


@pytest.mark.parametrize("kind", KINDS)
def test_a_share_of_the_images_is_changed(kind):
    batch = pictures(200, height=12, width=12)
    result = apply_steps(batch, [AugmentStep(kind, p=0.3)], dice())
    same = [torch.equal(one, other) for one, other in zip(result, batch, strict=True)]
    assert 100 < sum(same) < 180
    assert torch.equal(apply_steps(batch, [AugmentStep(kind, p=0.0)], dice()), batch)


def test_places_are_scipys():
    batch = pictures(1, 1)
    picture = batch[0, 0].numpy()
    turned = ndimage.rotate(picture, 20, reshape=False, order=1, mode="nearest")
    np.testing.assert_allclose(inside(changed("rotate", 20, batch))[0, 0], turned[6:-6, 6:-6], atol=0.01)
    moved = ndimage.shift(picture, (2.4, 3.2), order=1, mode="nearest")  # a tenth of each side
    np.testing.assert_allclose(inside(changed("translate", 0.1, batch))[0, 0], moved[6:-6, 6:-6], atol=0.01)
    centre = (np.array(picture.shape) - 1) / 2
    half = ndimage.affine_transform(picture, np.eye(2) / 1.5, centre - centre / 1.5, order=1, mode="nearest")
    np.testing.assert_allclose(inside(changed("scale", 1.5, batch))[0, 0], half[6:-6, 6:-6], atol=0.01)
    slope = np.tan(np.radians(20))
    matrix = np.array([[1, 0], [slope, 1]])
    sheared = ndimage.affine_transform(picture, matrix, centre - matrix @ centre, order=1, mode="nearest")
    np.testing.assert_allclose(inside(changed("shear", 20, batch))[0, 0], sheared[6:-6, 6:-6], atol=0.01)
    assert torch.equal(changed("flip", None, batch), batch.flip(3))


def test_light_and_colour_are_what_they_say():
    batch = pictures()
    torch.testing.assert_close(changed("brightness", 0.1, batch), batch + 0.1)
    mean = batch.mean(dim=(1, 2, 3), keepdim=True)
    torch.testing.assert_close(changed("contrast", 0.5, batch), mean + (batch - mean) / 2)
    grey = batch.mean(dim=1, keepdim=True)
    torch.testing.assert_close(changed("saturation", 0.0, batch), grey.expand_as(batch))
    red = torch.tensor([0.8, 0.2, 0.2]).view(1, 3, 1, 1).expand(1, 3, 8, 8)
    turned = changed("hue", 120, red)[0, :, 0, 0].tolist()
    assert colorsys.rgb_to_hsv(*turned)[0] == pytest.approx(1 / 3, abs=1e-3)
    torch.testing.assert_close(changed("hue", 77, grey.expand_as(batch)), grey.expand_as(batch).contiguous())


def test_damage_is_what_it_says():
    batch = pictures()
    blurred = ndimage.gaussian_filter(batch.numpy(), (0, 0, 1.5, 1.5), mode="nearest", truncate=3.34)
    np.testing.assert_allclose(changed("blur", 1.5, batch).numpy(), blurred, atol=2e-3)
    spread = (changed("noise", 0.05, batch) - batch).std()
    assert spread == pytest.approx(0.05, rel=0.1)
    file = io.BytesIO()
    pixels = (batch[0] * 255).round().byte().permute(1, 2, 0).numpy()
    Image.fromarray(pixels).save(file, "JPEG", quality=30)
    saved = (changed("jpeg", 30, batch)[0].permute(1, 2, 0) * 255).round().byte().numpy()
    np.testing.assert_array_equal(saved, np.asarray(Image.open(file)))
    blank = changed("erase", 0.5, torch.ones(50, 1, 20, 40))
    sizes = (blank == 0.5).sum(dim=(1, 2, 3))
    assert sizes.max() == 100  # 10 px square
    assert (sizes > 0).all()


def test_steps_follow_one_another():
    batch = pictures()
    steps = [AugmentStep("brightness", (0.1, 0.1)), AugmentStep("contrast", (0.5, 0.5))]
    how = augmentation_of(TrainConfig(augmentations=steps))
    generator = dice(1)
    by_hand = apply_steps(apply_steps(batch, steps[:1], generator), steps[1:], generator)
    assert torch.equal(augment(batch, how, dice(1)), by_hand)
    assert not how.flip


def test_pixelated_pictures_have_the_means_of_fewer_pixels():
    batch = pictures()
    height, width = batch.shape[2:]
    result = changed("pixelate", 0.5, batch)
    assert result.shape == batch.shape
    blocks = batch.reshape(*batch.shape[:2], height // 2, 2, width // 2, 2).mean(dim=(3, 5))
    assert torch.allclose(result[:, :, ::2, ::2], blocks, atol=1e-5)
    assert torch.equal(result[:, :, ::2], result[:, :, 1::2])
    assert torch.allclose(changed("pixelate", 1.0, batch), batch)
