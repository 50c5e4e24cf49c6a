"""Search a scheme that resembles given CAPTCHAs.

Size, texts and colours are measured; an evolutionary search finds all other options.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from tellapart.core.errors import CatalogError, ImageError, join_some, pluralize
from tellapart.core.image_io import Pixels, decode
from tellapart.core.parallel import map_processes
from tellapart.core.progress import log, track
from tellapart.data.catalog import Catalog
from tellapart.data.image_facts import FACTS, Facts
from tellapart.data.image_statistics import image_statistics
from tellapart.data.opening import log_notes, open_catalog
from tellapart.synthesis import RandomScheme, Scheme, render
from tellapart.synthesis.fonts import FONTS
from tellapart.synthesis.glyphs import has_all

EXAMPLES = 64  # images that are looked at
FEW = 10  # examples that show what varies
DRAWN = 8  # pictures that a candidate is judged by
FIRST, BROOD, GENERATIONS = 320, 96, 5  # candidates at first, in each later generation, and later generations
PARENTS = 12  # survivors of a generation
QUANTILES = np.array([0.02, 0.25, 0.5, 0.75, 0.98])
LAYOUT = 3  # times as much as any other feature counts where the ink lies
COLOURS = 8
HIGHEST = 512  # px: the largest height of a RandomScheme; a higher picture still gets its own height
FIXED = ("name", "width", "height", "alphabet", "min_length", "max_length", "paper", "ink", "grey", "black_and_white")
COLOURED = 12  # of 255: channels that differ less are grey but for what JPEG does

Array = npt.NDArray[Any]


def search_scheme(
    data: str | Path, *, name: str = "like", seed: int = 0, progress: bool = False, **options: Any
) -> Scheme:
    """Return a scheme whose pictures look like those of a labelled folder, table or shards.

    Candidates are compared with the examples by `tellapart.data.image_statistics` and by where their ink lies. In each
    generation the closest are crossed with each other and with new random schemes.

    Args:
        data: CAPTCHAs with their texts, some tens at least.
        name: of the scheme.
        seed: the same seed and data give the same scheme.
        progress: draw a bar on a terminal's stderr.
        **options: how to read the data, see `tellapart.data.opening.open_catalog`.

    Raises:
        CatalogError: no images, or no texts.
    """
    catalog = open_catalog(data, task="read", look=_keep_all, **options)
    log_notes(catalog)
    rows = catalog.rows()
    sample = [rows[at] for at in np.random.RandomState(seed).permutation(len(rows))[:EXAMPLES].tolist()]
    examples = [pixels for pixels in map(_decoded, catalog.read(sample)) if pixels is not None]
    if not examples:
        raise CatalogError(f"{data}: none of {len(sample)} images can be read")
    if len(examples) < FEW:
        log(f"note: {pluralize(len(examples), 'example')}: what so few do not show is guessed; give some tens")
    fixed = _measure(name, [catalog.column("label")[row] for row in rows], examples)
    fonts = tuple(font for font in FONTS if has_all(font, fixed["alphabet"]))
    if not fonts:
        alone = next(
            (f"; none has {each!r}" for each in fixed["alphabet"] if not any(has_all(f, each) for f in FONTS)), ""
        )
        letters = f"{pluralize(len(fixed['alphabet']), 'letter')}, {join_some(fixed['alphabet'], 20)}{alone}"
        raise CatalogError(f"{data}: no font here has all of its {letters}; write a scheme that names a font file")
    random_scheme = RandomScheme(height=(min(fixed["height"], HIGHEST),) * 2, fonts=fonts)
    target = np.stack([_features(pixels) for pixels in examples])
    random_state = np.random.RandomState(seed)
    schemes = [_candidate(random_scheme, seed, index, fixed) for index in range(FIRST)]
    spread = target.std(axis=0)
    best: list[tuple[float, Scheme]] = []
    for generation in range(GENERATIONS + 1):
        results = map_processes(partial(_drawn_features, seed=seed), schemes)
        features = list(track(results, f"drawing candidates, {generation + 1} of {GENERATIONS + 1}", len(schemes),
                              show=progress))  # fmt: skip
        if not generation:  # what differs much between schemes counts less than what does not
            spread = np.concatenate([*features, target]).std(axis=0) + 1e-3
        best += [(_distance(each, target, spread), scheme) for each, scheme in zip(features, schemes, strict=True)]
        best = sorted(best, key=lambda pair: pair[0])[:PARENTS]
        fresh = [_candidate(random_scheme, seed, FIRST + generation * BROOD + at, fixed) for at in range(BROOD)]
        schemes = [_child([scheme for _, scheme in best], other, random_state) for other in fresh]
    return best[0][1]


def _candidate(random_scheme: RandomScheme, seed: int, index: int, fixed: Mapping[str, Any]) -> Scheme:
    """Return a random scheme with the fixed options; every other one has clutter in the ink of its letters."""
    candidate = random_scheme.of(seed, index)
    return dataclasses.replace(candidate, **fixed, clutter_ink=candidate.clutter_ink if index % 2 else ())


def _keep_all(draft: Catalog) -> dict[int, Facts]:
    return dict.fromkeys(range(len(draft)), tuple(name == "keep" or None for name in FACTS))


def _decoded(item: tuple[int, bytes]) -> Pixels | None:
    try:
        return decode(item[1])
    except ImageError:
        return None


def _measure(name: str, texts: Sequence[str], examples: Sequence[Pixels]) -> dict[str, Any]:
    heights, widths = ([pixels.shape[axis] for pixels in examples] for axis in (0, 1))
    papers, inks = zip(*(_paper_and_ink(pixels) for pixels in examples), strict=True)
    paper = _sample_colours(papers)
    lengths = [len(text) for text in texts]
    spread = [np.percentile(np.ptp(pixels.astype(np.int16), axis=2), 99) for pixels in examples]
    most = max(lengths)
    return {
        "name": name,
        "width": max(16, 8 * most, int(np.median(widths))),
        "height": max(16, int(np.median(heights))),
        "alphabet": "".join(sorted(set("".join(texts)))),
        "min_length": min(lengths),
        "max_length": most,
        "paper": paper,
        "ink": tuple(colour for colour in _sample_colours(inks) if colour not in paper) or ("#000001",),
        "grey": bool(np.max(spread) < COLOURED),
        "black_and_white": bool(np.max(spread) == 0 and all({*np.unique(pixels)} <= {0, 255} for pixels in examples)),
    }


def _paper_and_ink(pixels: Pixels) -> tuple[Array, Array]:
    """Return the mean of the most frequent colours, and the median of those farthest from it; RGB each."""
    flat = pixels.reshape(-1, 3).astype(np.int32)
    bins = (flat[:, 0] >> 4 << 8) | (flat[:, 1] >> 4 << 4) | (flat[:, 2] >> 4)
    paper = flat[bins == np.bincount(bins).argmax()].mean(axis=0)
    far = np.abs(flat - paper).sum(axis=1)
    return paper, np.median(flat[far >= 0.75 * np.percentile(far, 99)], axis=0)


def _sample_colours(colours: Sequence[Array]) -> tuple[str, ...]:
    """Return up to `COLOURS` of the colours as ``#rrggbb``, from the darkest to the lightest."""
    ordered = sorted(colours, key=lambda colour: float(colour.sum()))
    few = [ordered[at] for at in np.linspace(0, len(ordered) - 1, min(COLOURS, len(ordered))).astype(int)]
    return tuple(dict.fromkeys("#" + "".join(f"{int(part + 0.5):02x}" for part in colour) for colour in few))


def _features(pixels: Pixels) -> Array:
    """Return the statistics of a picture and the layout of its ink."""
    grey = np.asarray(Image.fromarray(pixels).convert("L"), np.float32)
    ink = np.abs(grey - np.median(grey)) / 255
    return np.concatenate([image_statistics(Image.fromarray(pixels)), *[_layout(ink)] * LAYOUT]).astype(np.float64)


def _layout(ink: Array) -> Array:
    """Return the layout of ink, H, W: quantiles along both axes, number of pieces, thickness, and shares of ink."""
    strong = ink > max(0.1, float(ink.max()) / 2)
    places = []
    for axis in (0, 1):
        profile = np.cumsum(strong.sum(axis=axis) + 1e-3)
        places += (np.searchsorted(profile, profile[-1] * QUANTILES) / len(profile)).tolist()
    columns = np.asarray(strong.any(axis=0))
    thick = strong.sum() / max(1, (strong[:, 1:] != strong[:, :-1]).sum()) / len(ink)
    pieces = (columns[1:] & ~columns[:-1]).sum() / 10
    return np.array([*places, columns.mean(), pieces, 10 * thick, ink.mean(), strong.mean(), strong.any(axis=1).mean()])


def _drawn_features(scheme: Scheme, seed: int) -> Array:
    return np.stack([_features(render(scheme, seed, index)[0]) for index in range(DRAWN)])


def _distance(candidate: Array, target: Array, spread: Array) -> float:
    """Return the distance of candidate pictures from the target ones: by mean and deviation of each feature."""
    apart = (
        np.abs(candidate.mean(axis=0) - target.mean(axis=0)) + np.abs(candidate.std(axis=0) - target.std(axis=0)) / 2
    )
    return float((apart / spread).mean())


def _child(parents: Sequence[Scheme], fresh: Scheme, random_state: np.random.RandomState) -> Scheme:
    """Return a scheme whose options come from two parents, and some from a new random scheme."""
    one, other = (parents[int(random_state.random_sample() ** 2 * len(parents))] for _ in range(2))
    values = {}
    for field in dataclasses.fields(Scheme):
        draw = random_state.random_sample()
        values[field.name] = getattr(one if draw < 0.55 else other if draw < 0.85 else fresh, field.name)
    return Scheme(**(values | {option: getattr(one, option) for option in FIXED}))
