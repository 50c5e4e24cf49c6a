"""Whether an exported graph answers like the model that it was made of, image by image."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from tellapart.core.errors import ParityError
from tellapart.data.catalog import Catalog
from tellapart.inference.manifest import Parity
from tellapart.inference.predictor import Predictor, batched_by_width
from tellapart.inference.preprocess import ROWS, Preprocess

TOLERANCE = 1e-4  # of any probability
BATCHES = (1, 2, 7, 32)

Floats = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]


def compare(
    model: Callable[[Pixels], tuple[Floats, Floats]],
    predictor: Predictor,
    batches: Iterable[tuple[list[str], Pixels]],
    name: str = "the trained model",
) -> Parity:
    """Compare a graph with the model that it was made of.

    Args:
        model: model pixels, ``uint8`` N, H, W, C → probabilities N, K or N, T, K, and features N, F.
        predictor: of the graph.
        batches: names and model pixels, see `image_batches`.
        name: of the model, for messages.

    Raises:
        ParityError: an answer differs, or a probability or a feature by more than `TOLERANCE`.
    """
    worst, compared = 0.0, 0
    images: set[str] = set()
    for names, pixels in batches:
        theirs, features = model(pixels)
        ours, our_features = predictor.both(pixels)
        _check_difference("feature", names, features, our_features, name, scale=max(1.0, float(np.abs(features).max())))
        for image, a, b in zip(
            names, predictor.interpret(names, theirs), predictor.interpret(names, ours), strict=True
        ):
            if a.answer != b.answer:
                raise ParityError(
                    f"{image}: {name} answers {a.answer!r}, the exported graph {b.answer!r}; nothing was written. "
                    "Please report it with the backbone's name"
                )
        worst = max(worst, _check_difference("probability", names, theirs, ours, name))
        compared += len(pixels)
        images.update(names)
    return Parity(len(images), compared, different_answers=0, largest_difference=worst)


def _check_difference(
    what: str, names: Sequence[str], theirs: Floats, ours: Floats, model: str, scale: float = 1.0
) -> float:
    """The largest difference, as a share of ``scale``.

    Raises:
        ParityError: it is larger than `TOLERANCE`.
    """
    differences = np.abs(theirs - ours).reshape(len(names), -1).max(axis=1) / scale
    largest = float(differences.max())
    if largest > TOLERANCE:
        raise ParityError(
            f"{names[int(differences.argmax())]}: a {what} of the exported graph differs by {largest:.2g} from that of "
            f"{model} (allowed: {TOLERANCE:g}); nothing was written. Please report it with the backbone's name"
        )
    return largest


def image_batches(
    catalog: Catalog, rows: Sequence[int], spec: Preprocess, *, open_height: bool = False
) -> Iterator[tuple[list[str], Pixels]]:
    """The images of a catalog for `compare`: names and model pixels, see `probing_batches`."""
    files = catalog.column("file")
    loaded = ((files[row], spec.load(data, files[row])) for row, data in catalog.read(rows))
    return probing_batches(loaded, spec, open_height=open_height)


def probing_batches(
    images: Iterable[tuple[str, Pixels]], spec: Preprocess, *, open_height: bool = False
) -> Iterator[tuple[list[str], Pixels]]:
    """All images in batches of 32, the first of each width also in small batches and on wider canvases.

    Args:
        images: names and model pixels of each.
        spec: the preprocessing spec of the model.
        open_height: whether on higher canvases too.
    """
    probed: set[int] = set()
    for names, pixels in batched_by_width(images, BATCHES[-1]):
        yield names, pixels
        width = pixels.shape[2]
        if width in probed:
            continue
        probed.add(width)
        for size in BATCHES[:-1]:
            yield names[:size], pixels[:size]
        if spec.width is None:
            for more in (spec.step, 3 * spec.step):
                yield names[:7], np.pad(pixels[:7], ((0, 0), (0, 0), (0, more), (0, 0)), mode="edge")
        if open_height:
            for more in (ROWS, 3 * ROWS):
                yield names[:7], np.pad(pixels[:7], ((0, 0), (0, more), (0, 0), (0, 0)), mode="edge")
