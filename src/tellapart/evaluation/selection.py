"""Which images an evaluation scores: those that the model has not met in its training, apart from those that it has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tellapart.core.errors import CatalogError, pluralize
from tellapart.data.catalog import SPLITS, Catalog
from tellapart.evaluation.training_images import PARTS, TrainingImages, TrainingPart, training_images
from tellapart.inference.base_model import is_shipped
from tellapart.inference.bundle import Bundle

ALL = "all"
MET: Mapping[TrainingPart, str] = {  # the parts of a training that make an image none to judge the model by
    "train": "taught the model",
    "val": "chose its weights",
    "left_out": "stayed out of its training",
}


@dataclass(frozen=True)
class Selection:
    """The rows of a catalog that are scored.

    Args:
        part: train, val, test or all.
        rows: those of the headline figures. They are unseen, unless a part was asked for that holds no unseen image.
        seen: part of the training → rows that are scored apart; a part without a row is absent.
        known: whether it is known which images the model has met.
        notes: what a person should know of this, a sentence each.
    """

    part: str
    rows: list[int]
    seen: Mapping[TrainingPart, list[int]]
    known: bool
    notes: Sequence[str]

    @property
    def unseen(self) -> bool | None:
        """Whether the model has met none of the headline's images; None where that is not known."""
        return not set(self.rows) & {row for rows in self.seen.values() for row in rows} if self.known else None

    @property
    def counts(self) -> dict[str, int] | None:
        """How many images are unseen, and of each part of the training; None where that is not known."""
        if not self.known:
            return None
        counts = {"unseen": len(self.rows) if self.unseen else 0}
        return counts | {part: len(self.seen.get(part, [])) for part in MET}

    @property
    def all_rows(self) -> list[int]:
        """Every row that is scored, sorted."""
        return sorted({*self.rows, *(row for rows in self.seen.values() for row in rows)})


def select(catalog: Catalog, bundle: Bundle, part: str | None) -> Selection:
    """Choose the rows to score.

    Args:
        catalog: the data. Its own split says which image is of which part; where it has none, the training's does.
        bundle: the model.
        part: train, val, test or all; by default test where the data has splits, else all.

    Raises:
        CatalogError: no such part, no image in it, or by default no image that the model has not met.
    """
    if part not in (None, *SPLITS, ALL):
        raise CatalogError(f"split {part!r}: known are {', '.join(SPLITS)} and {ALL}")
    images = training_images(bundle, catalog)
    own = any(value is not None for value in catalog.column("split"))
    asked = part or ("test" if own else ALL)
    rows = _rows(catalog, asked, own, images)
    if not rows:
        raise CatalogError(f"{catalog.source}: no image in the split {asked!r}")
    if images is None:
        return Selection(asked, rows, {}, False, _unknown(bundle))
    met = dict(zip(rows, images.parts_of(catalog, rows), strict=True))
    seen = {name: [row for row in rows if met[row] == name] for name in MET}
    seen = {name: those for name, those in seen.items() if those}
    unseen = [row for row in rows if met[row] not in MET]
    if not unseen and part is None:
        raise CatalogError(
            f"{catalog.source}: none of its images is new to the model ({_count(seen)}), so they cannot say how good "
            f"it is; give others, or --split {asked} to score these all the same"
        )
    if unseen and part is None and all(met[row] == "test" for row in unseen):
        asked = "test"  # of the training, whatever the data around it is
    return Selection(asked, unseen or rows, seen, True, list(_notes(rows, unseen, seen, images)))


def _rows(catalog: Catalog, part: str, own: bool, images: TrainingImages | None) -> list[int]:
    """Return the rows of a part.

    Raises:
        CatalogError: the data has no splits, and the training's are not known or hold none of its images.
    """
    if own or part == ALL:
        return catalog.rows(None if part == ALL else part)
    if images is None:
        raise CatalogError(
            f"{catalog.source}: has no splits, and the bundle does not record its own, so the {part} part is not "
            "defined; give --split all, or the catalog that the run kept (data.parquet)"
        )
    rows = catalog.rows()
    chosen = [row for row, name in zip(rows, images.parts_of(catalog, rows), strict=True) if name == part]
    if not chosen:
        raise CatalogError(
            f"{catalog.source}: has no splits, and none of its images is in the {part} part of the training; give "
            "--split all"
        )
    return chosen


def _notes(
    rows: Sequence[int],
    unseen: Sequence[int],
    seen: Mapping[TrainingPart, Sequence[int]],
    images: TrainingImages,
) -> Iterator[str]:
    if seen and unseen:
        yield (
            f"warning: of {pluralize(len(rows), 'image')} {_count(seen)}; these are scored apart, and the figures are "
            f"of the other {len(unseen):,}"
        )
    elif seen:
        yield (
            f"warning: {pluralize(len(rows), 'image')}, none of them new to the model ({_count(seen)}): the figures "
            "say how well it remembers, not how good it is; for that, give images that were not in its training"
        )
    if images.unrecorded:
        yield (
            f"note: the training began with {images.unrecorded}, which does not record its images: whether some of "
            "these taught it cannot be told"
        )


def _count(seen: Mapping[TrainingPart, Sequence[int]]) -> str:
    """Return the parts in words.

    >>> _count({"train": [1, 2], "left_out": [3]})
    '2 taught the model and 1 stayed out of its training'
    """
    counts = [f"{len(seen[part]):,} {MET[part]}" for part in PARTS if part in seen]
    return " and ".join([", ".join(counts[:-1]), counts[-1]] if counts[:-1] else counts)


def _unknown(bundle: Bundle) -> list[str]:
    """Return that it is not known what taught a model; nothing of the shipped readers, which drawn pictures taught."""
    if is_shipped(bundle.location):
        return []
    return [f"note: {bundle.path} does not record which images taught it: whether some of these did cannot be told"]
