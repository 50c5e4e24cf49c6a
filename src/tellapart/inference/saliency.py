"""Where did it look? What of a picture the answer hangs on, checked by taking it away."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from tellapart.core import image_io
from tellapart.core.drawn_text import draw_text
from tellapart.core.errors import ConfigError
from tellapart.core.files import atomic_file, check_target
from tellapart.core.progress import track
from tellapart.core.tasks import check_task
from tellapart.inference.bundle import Bundle
from tellapart.inference.ctc import align_text
from tellapart.inference.predictor import BATCH, Predictor

KEPT = 0.5  # of the cells of a mask
CELLS = 7  # along the shorter side of a photo, as published
TEXT_CELL = 10  # px: of a text about a letter's stroke
ORDERS = 19  # by chance: a saliency that says nothing is sooner than all of them once in twenty
STEPS = 20  # in which a picture is taken away
SHOWN = 420  # px: the height of a picture beside its saliency

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


def explain(
    model: str | Path | Bundle,
    image: str | Path | bytes,
    *,
    out: str | Path | None = None,
    masks: int = 1000,
    seed: int = 0,
) -> dict[str, Any]:
    """Which part of a picture the answer hangs on.

    RISE (Petsiuk, Das & Saenko 2018): the picture is shown many times with random parts hidden, and a part matters as
    much as the answer is surer where it is seen. It asks nothing of the network but its answers. Whether the result may
    be believed is measured as published: the parts said to matter are taken away first, and the answer's probability
    must fall sooner than when parts are taken away by chance.

    Args:
        model: a bundle, or the folder of a bundle or of a run.
        image: a file, or its bytes.
        out: a PNG to write: the picture, and beside it what mattered, from blue (not) to red (most).
        masks: how often the picture is shown.
        seed: of the random parts.

    Returns:
        ``answer``, ``confidence``, ``deletion`` (the mean probability while what matters is taken away; lower is
        better), ``by_chance`` (the same by chance) and ``convincing`` (whether it is lower than each
        of 19 orders by chance), and ``saliency`` (H x W, 0..1, of the picture as the network sees it).

    Raises:
        BundleError: there is no usable bundle.
        ImageError: the image cannot be used.
        ConfigError: fewer than 10 masks.
    """
    if masks < 10:
        raise ConfigError(f"masks {masks}: give at least 10; some hundred tell something")
    if out is not None:
        check_target(out, ".png")
    predictor = Predictor(model)
    check_task(predictor.bundle.task, predictor.bundle.path, "explain")
    found, picture = saliency_map(predictor, image, masks=masks, seed=seed)
    if out is not None:
        with atomic_file(Path(out)) as temporary:
            picture.save(temporary, "PNG")
    return found


def saliency_map(
    predictor: Predictor, image: str | Path | bytes, *, masks: int = 1000, seed: int = 0
) -> tuple[dict[str, Any], Image.Image]:
    """What `explain` returns, and its picture.

    Raises:
        ImageError: the image cannot be used.
    """
    data = image if isinstance(image, bytes) else image_io.read_bytes(image)
    name = "image" if isinstance(image, bytes) else str(image)
    pixels = predictor.bundle.preprocess.load(data, name)
    answer = predictor.interpret([name], predictor.run(pixels[None]))[0]
    look = _Look(predictor, pixels, answer.answer)
    dice = np.random.default_rng(seed)
    saliency = np.zeros(pixels.shape[:2], np.float64)
    shown = 0.0
    for start in track(range(0, masks, BATCH), "looking", -(-masks // BATCH)):
        part = look.masks(min(BATCH, masks - start), dice)
        scores = look.scores(part)
        saliency += np.tensordot(scores, part, axes=1)
        shown = shown + part.sum(axis=0)
    saliency /= np.maximum(shown, 1e-9)
    saliency = (saliency - saliency.min()) / max(float(np.ptp(saliency)), 1e-12)
    falls = look.taken_away(-saliency)
    by_chance = [look.taken_away(look.masks(1, dice)[0]) for _ in range(ORDERS)]
    result = {
        "file": name,
        "answer": answer.answer,
        "confidence": answer.confidence,
        "deletion": falls,
        "by_chance": float(np.mean(by_chance)),
        "convincing": falls < min(by_chance),
        "saliency": saliency.round(4).tolist(),
    }
    return result, _drawn(pixels, saliency, f"{answer.answer}  {answer.confidence:.3f}")


class _Look:
    """A picture shown in parts, and how sure its answer stays."""

    def __init__(self, predictor: Predictor, pixels: Pixels, answer: str) -> None:
        self.predictor, self.pixels, self.answer = predictor, pixels, answer
        self.reads = predictor.bundle.task == "read"
        # What is hidden has the picture's mean colour: black would be an edge where there was none.
        self.hidden = pixels.reshape(-1, pixels.shape[2]).mean(axis=0)
        height, width = pixels.shape[:2]
        cell = TEXT_CELL if self.reads else min(height, width) / CELLS
        self.grid = max(2, round(height / cell)), max(2, round(width / cell))

    def masks(self, n: int, dice: np.random.Generator) -> Floats:
        """N, H, W in 0..1: smooth, at random places."""
        height, width = self.pixels.shape[:2]
        rows, columns = self.grid
        tall, wide = -(-height // rows), -(-width // columns)
        result = np.empty((n, height, width), np.float32)
        for one in result:
            cells = (dice.random((rows + 1, columns + 1)) < KEPT).astype(np.float32)
            smooth = Image.fromarray(cells).resize(((columns + 1) * wide, (rows + 1) * tall), Image.Resampling.BILINEAR)
            top, left = dice.integers(0, tall), dice.integers(0, wide)
            one[:] = np.asarray(smooth)[top : top + height, left : left + width]
        return result

    def scores(self, masks: Floats) -> Floats:
        """N: how likely the answer is where only what a mask shows is seen."""
        kept = masks[..., None]
        seen = (self.pixels * kept + self.hidden * (1 - kept)).round().astype(np.uint8)
        probabilities = self.predictor.run(seen)
        bundle = self.predictor.bundle
        if self.reads:
            text = tuple(bundle.charset.encode(self.answer))
            return np.array([align_text(each, bundle.charset, text).confidence for each in probabilities], np.float32)
        result: Floats = probabilities[:, bundle.labels.index(self.answer)]
        return result

    def taken_away(self, order: npt.NDArray[Any]) -> float:
        """The mean probability of the answer while pixels go, the lowest in the order first."""
        height, width = self.pixels.shape[:2]
        rank = np.empty(height * width, np.int64)
        rank[np.argsort(order.ravel(), kind="stable")] = np.arange(height * width)
        limits = np.linspace(0, height * width, STEPS + 1)
        masks = np.stack([(rank.reshape(height, width) >= limit).astype(np.float32) for limit in limits])
        return float(self.scores(masks).mean())


def _drawn(pixels: Pixels, saliency: npt.NDArray[np.float64], title: str) -> Image.Image:
    """The picture, and beside it what mattered."""
    scale = max(1, round(min(SHOWN / pixels.shape[0], 2 * SHOWN / pixels.shape[1])))
    colour = np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels
    level = saliency[..., None]
    heat = np.concatenate([level, 0.35 * (1 - np.abs(2 * level - 1)), 1 - level], axis=2) * 255
    grey = colour.mean(axis=2, keepdims=True)
    over = (0.5 * grey + 0.5 * heat).astype(np.uint8)
    gap, below = 12, 34
    height, width = pixels.shape[0] * scale, pixels.shape[1] * scale
    beside = width <= 1.5 * height
    size = (2 * width + gap, height + below) if beside else (width, 2 * height + gap + below)
    image = Image.new("RGB", size, "white")
    for number, part in enumerate((colour, over)):
        large = Image.fromarray(part).resize((width, height), Image.Resampling.BILINEAR)
        image.paste(large, (number * (width + gap), 0) if beside else (0, number * (height + gap)))
    draw_text(ImageDraw.Draw(image), (4, size[1] - below + 6), title, (30, 34, 40), 18)
    return image
