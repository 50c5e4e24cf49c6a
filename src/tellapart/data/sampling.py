"""A sample of a split catalog: of each class and part as many images as is its share, the same for the same seed."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Mapping

from tellapart.core.errors import ConfigError
from tellapart.data.catalog import Catalog


def sample(catalog: Catalog, limit: int, *, seed: int = 0) -> Catalog:
    """Keep so many of the images; the split stays as it is.

    Of each part, and of each class in it, as many are kept as is its share, one at least. They are ordered by a hash of
    the seed and of their own bytes, so that a larger sample holds nearly all of a smaller one.

    Args:
        catalog: the data, split.
        limit: how many images to keep; all, where there are fewer.
        seed: another seed gives another sample.

    Returns:
        The catalog, in which the other rows are not kept, and a note says so.

    Raises:
        ConfigError: fewer than one image a class and part.
    """
    rows = catalog.rows()
    if limit >= len(rows):
        return catalog
    labels, parts, digests = (catalog.column(name) for name in ("label", "split", "sha256"))
    strata: dict[Hashable, list[int]] = {}
    for row in rows:
        strata.setdefault((parts[row], labels[row] if catalog.task == "classify" else ""), []).append(row)
    if limit < len(strata):
        each = "one of each class in each part" if catalog.task == "classify" else "one of each part"
        raise ConfigError(f"limit {limit}: give at least {len(strata)}, {each} of the split")
    kept: set[int] = set()
    for stratum, count in quotas({key: len(members) for key, members in strata.items()}, limit).items():
        ordered = sorted(strata[stratum], key=lambda row: hashlib.sha256(f"{seed}:{digests[row]}".encode()).digest())
        kept.update(ordered[:count])
    left_out = set(rows) - kept
    why = [
        f"not in the sample (limit {limit})" if row in left_out else old
        for row, old in enumerate(catalog.column("why"))
    ]
    keep = [old and row not in left_out for row, old in enumerate(catalog.column("keep"))]
    note = f"a sample of {limit:,} of {len(rows):,} images (limit), of each class and part as many as is its share"
    return catalog.with_column("keep", keep).with_column("why", why).with_notes([note])


def quotas(sizes: Mapping[Hashable, int], total: int) -> dict[Hashable, int]:
    """How many of each stratum make so many in all, by the largest remainder, one of each at least.

    >>> quotas({"cat": 60, "dog": 30, "owl": 1}, 9)
    {'cat': 5, 'dog': 3, 'owl': 1}
    """
    whole = sum(sizes.values())
    exact = {key: total * size / whole for key, size in sizes.items()}
    counts = {key: max(1, int(value)) for key, value in exact.items()}
    order = sorted(exact, key=lambda key: counts[key] - exact[key])  # what lacks most first
    while (left := total - sum(counts.values())) > 0:
        for key in order[:left]:
            counts[key] += 1
    while sum(counts.values()) > total:  # what was raised to one is taken from what has most above its share
        counts[max((key for key in counts if counts[key] > 1), key=lambda key: counts[key] - exact[key])] -= 1
    return counts
