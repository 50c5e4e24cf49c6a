"""The split into train, validation and test part: seeded, and no near-copy crosses it.

Two rules make it repeatable. Rows are ordered by a hash of the seed and the image's own bytes, so that
renaming files, adding others or another version of numpy never reshuffles them; and what belongs
together (exact duplicates, near-duplicates, rows of one ``together`` value) moves as one.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Unpack

import numpy as np
import numpy.typing as npt

from tellapart.core.errors import CatalogError, ConfigError, join_some, pluralize
from tellapart.core.files import check_target
from tellapart.core.image_io import Pixels, decode
from tellapart.core.parallel import map_threads
from tellapart.data.catalog import SPLITS, Catalog
from tellapart.data.duplicates.hashing import SIDE, candidate_pairs, connected_components, hash_words, thumbnail
from tellapart.data.duplicates.registration import LIMITS, Limits, Match, matches
from tellapart.data.opening import open_catalog
from tellapart.data.source_options import SourceOptions
from tellapart.data.stratification import iterative_stratification

FRACTIONS = (0.70, 0.15, 0.15)
SMALLEST = 40  # px; below it a likeness cannot tell a copy from another drawing of the same letter
STRETCH = 2.0  # a copy may be so many times broader or taller in shape than its original


def split(
    data: str | Path | Catalog,
    *,
    out: str | Path | None = None,
    seed: int = 0,
    fractions: Sequence[float] = FRACTIONS,
    **options: Unpack[SourceOptions],
) -> Catalog:
    """Assign every kept row to train, val or test; a split that the data brings along is kept.

    The split is stratified by label where a label has at least three separate images; where an image has several, see
    `tellapart.data.stratification`. Exact and near-duplicates stand
    on one side. Where the data brings a train part but no val or no test part, the missing one is taken from train.
    A test part that an earlier split left out on purpose stays left out.

    Args:
        data: any source, or a catalog.
        out: where to write the catalog with its new ``split`` column.
        seed: another seed gives another split.
        fractions: train, val, test; they sum to 1.
        options: how to read a source, see `tellapart.data.opening.open_catalog`.

    Raises:
        ConfigError: the fractions are not three shares of 1.
        CatalogError: fewer than three separate images, so that no part can be held out.
    """
    shares = tuple(float(value) for value in fractions)
    if len(shares) != 3 or min(shares) < 0 or abs(sum(shares) - 1) > 1e-6 or shares[0] == 0:
        raise ConfigError(f"fractions {fractions}: give three shares for train, val and test that sum to 1")
    if out is not None:
        check_target(out, ".parquet")
    catalog = data if isinstance(data, Catalog) else open_catalog(data, **options)
    own = any(part is not None for part in catalog.column("split"))
    if own and (catalog.meta or {}).get("split", {}).get("fractions", shares)[2] == 0:
        shares = (shares[0] + shares[2], shares[1], 0.0)  # no test part was wanted, so none is missing
    _check_usable(catalog)
    assigned, notes = _assign(catalog, seed, shares)
    result = catalog.with_column("split", assigned).with_notes(notes)
    if not own:  # else whoever split it says how, or nobody does
        result = result.with_meta(split={"seed": seed, "fractions": list(shares)})
    if out is not None:
        result.write(out)
    return result


def folds(catalog: Catalog, count: int, *, seed: int = 0) -> list[Catalog]:
    """Copies of a catalog for cross-validation, each with another share of its train and val rows as val; test stays.

    Every train or val row is val once. Folds are stratified by label where possible; copies stand on one side.

    Args:
        catalog: one with a split.
        count: how many folds.
        seed: another seed gives other folds.

    Raises:
        CatalogError: fewer separate images than folds.
    """
    part = catalog.column("split")
    rows = sorted([*catalog.rows("train"), *catalog.rows("val")])
    labels, digests = catalog.column("label"), catalog.column("sha256")
    clusters = copy_clusters(catalog, rows)
    if len(clusters) < count:
        raise CatalogError(f"{catalog.source}: {len(clusters)} separate images do not make {count} folds; give fewer")
    clusters.sort(key=lambda cluster: _order(seed, min(digests[row] for row in cluster)))
    sizes: dict[str, list[int]] = defaultdict(lambda: [0] * count)
    total = [0] * count
    fold: dict[int, int] = {}
    for cluster in sorted(clusters, key=len, reverse=True):
        label = labels[cluster[0]] if catalog.task == "classify" else ""
        place = min(range(count), key=lambda number: (sizes[label][number], total[number]))
        sizes[label][place] += len(cluster)
        total[place] += len(cluster)
        fold |= dict.fromkeys(cluster, place)
    return [
        catalog.with_column(
            "split",
            [part[row] if row not in fold else "val" if fold[row] == place else "train" for row in range(len(part))],
        )
        for place in range(count)
    ]


def _check_usable(catalog: Catalog) -> None:
    """Refuse a catalog of which no image can be used, where it says why.

    Raises:
        CatalogError: it says so.
    """
    whys = Counter(why for why in catalog.column("why") if why)
    if whys and not catalog.rows():
        reasons = join_some(f"{count:,} {why}" for why, count in whys.most_common())
        raise CatalogError(f"{catalog.source}: none of {pluralize(len(catalog), 'image')} can be used: {reasons}")


def _assign(catalog: Catalog, seed: int, fractions: Sequence[float]) -> tuple[list[str | None], list[str]]:
    """The part of each row, None for those not kept, and notes on how it was assigned."""
    keep = catalog.column("keep")
    result: list[str | None] = [
        part if kept else None for part, kept in zip(catalog.column("split"), keep, strict=True)
    ]
    kept_rows = [row for row, kept in enumerate(keep) if kept]
    present = {result[row] for row in kept_rows} - {None}
    wanted = {"train", "val", "test"} if fractions[2] else {"train", "val"}
    if wanted <= present or (present and "train" not in present):
        return result, []
    pool = kept_rows
    if present:  # the data's own train and test (or val) stay as they are; the missing part comes from train
        pool = [row for row in kept_rows if result[row] in (None, "train")]
        fractions = _missing_fractions(fractions, present)
    clusters = copy_clusters(catalog, pool)
    if len(clusters) < 3:
        raise CatalogError(
            f"{catalog.source}: {len(clusters)} separate images (duplicates counted once) cannot be split into "
            "train, val and test; at least 3 are needed, and some tens a class to learn anything"
        )
    deal = _deal_tags if catalog.task == "tag" else _deal_classes
    parts, notes = deal(catalog, _strata(catalog, seed, clusters), fractions)
    for row, part in parts.items():
        result[row] = part
    return result, _cluster_notes(catalog, pool, clusters) + notes


Strata = Mapping[str, Sequence[list[int]]]  # label → its clusters of rows, in the order in which they get a part


def _deal_classes(catalog: Catalog, strata: Strata, fractions: Sequence[float]) -> tuple[dict[int, str], list[str]]:
    """Return the part of each row, each class by its shares, and a note on classes that are too rare."""
    parts, scarce = dict[int, str](), []
    for label, members in strata.items():
        if catalog.task == "classify" and len(members) < 3:
            scarce.append(label)
        for cluster, part in zip(members, _parts(members, fractions), strict=True):
            parts |= dict.fromkeys(cluster, part)
    if not scarce:
        return parts, []
    count = pluralize(len(scarce), "class has", "classes have")
    stand = "stands" if len(scarce) == 1 else "stand"
    note = f"{count} fewer than 3 separate images and {stand} in train alone or in train and test: {join_some(scarce)}"
    return parts, [note]


def _deal_tags(catalog: Catalog, strata: Strata, fractions: Sequence[float]) -> tuple[dict[int, str], list[str]]:
    """Return the part of each row, each tag by its shares, and a note on tags that are too rare."""
    (clusters,) = strata.values()
    labels = catalog.column("label")
    sets = [sorted({tag for row in cluster for tag in catalog.labels_in(labels[row])}) for cluster in clusters]
    names = [name for name, share in zip(SPLITS, fractions, strict=True) if share > 0]
    shares = [share for share in fractions if share > 0]
    dealt = iterative_stratification(sets, [len(cluster) for cluster in clusters], shares)
    parts = {row: names[part] for cluster, part in zip(clusters, dealt, strict=True) for row in cluster}
    counts = Counter(tag for each in sets for tag in each)
    scarce = sorted(tag for tag, count in counts.items() if count < len(names))
    if not scarce:
        return parts, []
    note = (
        f"{pluralize(len(scarce), 'tag has', 'tags have')} fewer than {len(names)} separate images, so that a part is "
        f"without them: {join_some(scarce)}"
    )
    return parts, [note]


def _missing_fractions(fractions: Sequence[float], present: Container[str | None]) -> tuple[float, float, float]:
    """The shares of the parts to be taken from train; the share of a part that is there counts for train."""
    train, val, test = fractions
    missing_val, missing_test = (0.0 if "val" in present else val), (0.0 if "test" in present else test)
    return train + (test - missing_test) + (val - missing_val), missing_val, missing_test


def _cluster_notes(catalog: Catalog, rows: Sequence[int], clusters: Sequence[Sequence[int]]) -> list[str]:
    notes = []
    widths, heights = catalog.column("width"), catalog.column("height")
    if small := sum(min(widths[row], heights[row]) < SMALLEST for row in rows):
        count, their = pluralize(small, "image is", "images are"), "its" if small == 1 else "their"
        notes.append(f"{count} under {SMALLEST} px on a side: only {their} exact copies are kept together")
    copies = [len(cluster) for cluster in clusters if len(cluster) > 1]
    if copies:
        notes.append(
            f"{sum(copies)} images are duplicates or near-duplicates in {len(copies)} groups; none crosses a split"
        )
    return notes


def _strata(catalog: Catalog, seed: int, clusters: Sequence[list[int]]) -> dict[str, list[list[int]]]:
    """Label → its clusters in the order in which they get a part; a set of texts or of tags is one stratum."""
    labels = catalog.column("label") if catalog.task == "classify" else [""] * len(catalog)
    digests = catalog.column("sha256")
    strata: dict[str, list[list[int]]] = defaultdict(list)
    for cluster in clusters:
        strata[Counter(sorted(labels[row] for row in cluster)).most_common(1)[0][0]].append(cluster)
    for members in strata.values():
        members.sort(key=lambda cluster: _order(seed, min(digests[row] for row in cluster)))
        # Big clusters first, and into train, so that a test part is not a handful of copies.
        members.sort(key=len, reverse=True)
    return dict(sorted(strata.items()))


def _parts(clusters: Sequence[Sequence[int]], fractions: Sequence[float]) -> Iterator[str]:
    """A part for each cluster of one stratum: whoever is furthest below its share of images takes it."""
    total = sum(len(cluster) for cluster in clusters)
    names = [name for name, share in zip(SPLITS, fractions, strict=True) if share > 0]
    shares = [share for share in fractions if share > 0]
    goals = [share * total for share in shares]
    if len(clusters) >= len(names):  # every part gets one, however small its share
        goals = [max(goal, 1.0) for goal in goals]
        goals[0] = total - sum(goals[1:])
    counts = [0.0] * len(names)
    for position, cluster in enumerate(clusters):
        if position == 0:
            best = 0
        elif len(clusters) == 2 and "test" in names:
            best = names.index("test")
        else:
            lack = [goal - count for goal, count in zip(goals, counts, strict=True)]
            if len(cluster) == 1:
                # Relative lack for single images, so that small parts fill evenly with large ones.
                lack = [gap / max(goal, 1e-9) if gap >= 0.5 else -1.0 for gap, goal in zip(lack, goals, strict=True)]
            best = max(range(len(names)), key=lambda part: (lack[part], -part))
        counts[best] += len(cluster)
        yield names[best]


def _order(seed: int, digest: str) -> str:
    return hashlib.sha256(f"{seed}:{digest}".encode()).hexdigest()


# --- what belongs together -------------------------------------------------------------------------


def copy_clusters(catalog: Catalog, rows: Sequence[int]) -> list[list[int]]:
    """Lists of rows that are copies of each other, or bound by ``together``; any other row is a list by itself."""
    pairs = [pair for column in ("pixels", "together") for pair in _equal(catalog.column(column), rows)]
    groups = connected_components([*pairs, *near_duplicates(catalog, rows)])
    bound = {row for group in groups for row in group}
    return sorted([*groups, *([row] for row in rows if row not in bound)])


def _equal(values: Sequence[Any], rows: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Pairs of a row and the first with the same value."""
    first: dict[Any, int] = {}
    for row in rows:
        if values[row] is not None and first.setdefault(values[row], row) != row:
            yield first[values[row]], row


def near_duplicates(catalog: Catalog, rows: Sequence[int]) -> list[tuple[int, int]]:
    """Pairs of rows whose pictures are near-copies but not equal; of exact copies only the first is compared.

    Pictures under `SMALLEST` px on a side are left out: no likeness tells two drawings of one letter apart.
    In a reading set two different texts are never near-duplicates: CAPTCHAs of one scheme are all alike.
    """
    return sorted(near_copies(catalog, rows, lambda wanted: _thumbnails(catalog, wanted)))


def near_copies(
    catalog: Catalog,
    rows: Sequence[int],
    thumbnails: Callable[[list[int]], npt.NDArray[np.uint8]],
    limits: Limits = LIMITS,
) -> dict[tuple[int, int], Match]:
    """The pairs of `near_duplicates`, each with how the one picture lies over the other.

    Args:
        catalog: the data.
        rows: which of its rows to compare.
        thumbnails: rows → their thumbnails, N, SIDE, SIDE, 3.
        limits: what near-copies may differ by.
    """
    widths, heights = catalog.column("width"), catalog.column("height")
    pixels, hashes = catalog.column("pixels"), catalog.column("hash")
    first = {pixels[row]: row for row in reversed(rows)}
    wanted = [row for row in rows if min(widths[row], heights[row]) >= SMALLEST and first[pixels[row]] == row]
    blocks = None
    if catalog.task == "read":
        number: dict[str, int] = {}
        blocks = [number.setdefault(catalog.column("label")[row], len(number)) for row in wanted]
    one, other, _, mirrored = candidate_pairs(hash_words(hashes[row] for row in wanted), blocks=blocks)
    stretch = np.array([widths[row] / heights[row] for row in wanted])
    if not len(one):
        return {}
    fits = np.abs(np.log(stretch[one] / stretch[other])) <= np.log(STRETCH)
    one, other, mirrored = one[fits], other[fits], mirrored[fits]
    needed = np.unique(np.concatenate([one, other]))
    thumbs = thumbnails([wanted[place] for place in needed])
    places = (np.searchsorted(needed, one).tolist(), np.searchsorted(needed, other).tolist(), mirrored.tolist())
    matched = matches(thumbs, list(zip(*places, strict=True)), limits)
    rows_of = [wanted[place] for place in needed]
    return {(rows_of[a], rows_of[b]): match for (a, b), match in matched.items()}


def _thumbnails(catalog: Catalog, rows: list[int]) -> npt.NDArray[np.uint8]:
    """``uint8`` N, SIDE, SIDE, 3 in the order of ``rows``."""
    result = np.zeros((len(rows), SIDE, SIDE, 3), np.uint8)
    place = {row: at for at, row in enumerate(rows)}

    def shrink(item: tuple[int, bytes]) -> tuple[int, Pixels]:
        return item[0], thumbnail(decode(item[1], at_least=2 * SIDE))

    for row, thumb in map_threads(shrink, catalog.read(rows)):
        result[place[row]] = thumb
    return result
