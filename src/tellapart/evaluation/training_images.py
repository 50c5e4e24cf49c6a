"""Which images a model knows from its training: digests in its bundle, so that an evaluation can tell new ones apart.

An image is known by its content, whatever its name, folder or label is: by the bytes of its file, or by its decoded
pixels. Copies that lost something (JPEG again, scaled, cropped) are other images here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from tellapart.core.errors import BundleError, CatalogError
from tellapart.core.files import atomic_file
from tellapart.core.terminal import excerpt
from tellapart.data.catalog import Catalog
from tellapart.data.catalog_file import read_catalog
from tellapart.data.split import split
from tellapart.evaluation.bundle_tables import numbers, read_bundle_table, texts
from tellapart.inference.bundle import Bundle
from tellapart.inference.manifest import TrainingData

TRAINING_IMAGES = "training_images.parquet"
FORMAT = 1
MAX_DIGESTS = 100_000_000
RUN_DATA = "data.parquet"  # the catalog of a run, which its bundle lies in
DIGEST = "the first 8 bytes of the sha256 of the file, or of the digest of its decoded pixels, as a number"
_METADATA = b"tellapart training images"

TrainingPart = Literal["train", "val", "test", "left_out"]  # an image of several is of the first of them
PARTS: tuple[TrainingPart, ...] = get_args(TrainingPart)


@dataclass(frozen=True)
class TrainingImages:
    """The images of a training: what taught, what chose, what was kept for the test, what was left out.

    Args:
        digests: sorted and distinct, N.
        parts: the place of each one's part in `PARTS`, N.
        unrecorded: the model that the training began with, where its images are not known; empty otherwise.
    """

    digests: npt.NDArray[np.uint64]
    parts: npt.NDArray[np.uint8]
    unrecorded: str = ""

    @classmethod
    def of(cls, catalog: Catalog, *, cv_folds: bool = False) -> TrainingImages:
        """Return the images of a training.

        Args:
            catalog: its data, split. Rows that an epoch shows zero times are left out, as those that are not kept.
            cv_folds: whether networks of several folds are averaged: what chose one of them taught the others.
        """
        pairs = []
        columns = (catalog.column(name) for name in ("split", "keep", "times", "sha256", "pixels"))
        for part, keep, times, *digests in zip(*columns, strict=True):
            if not keep or (part == "train" and times == 0):
                part = "left_out"
            elif part == "val" and cv_folds:
                part = "train"
            if part is not None:
                pairs += [(_number(digest), PARTS.index(part)) for digest in digests if digest is not None]
        return cls._sorted(pairs)

    @classmethod
    def _sorted(cls, pairs: Iterable[tuple[int, int]], unrecorded: str = "") -> TrainingImages:
        first: dict[int, int] = {}
        for digest, part in sorted(pairs):
            first.setdefault(digest, part)
        return cls(np.array(list(first), np.uint64), np.array(list(first.values()), np.uint8), unrecorded)

    def begun_with(self, model: str, images: TrainingImages | None) -> TrainingImages:
        """Return these images and those of the model that the training began with: what taught or chose it taught too.

        Args:
            model: its name.
            images: None where they are not known.
        """
        if images is None:
            return TrainingImages(self.digests, self.parts, model)
        train = PARTS.index("train")
        taught = images.digests[images.parts <= PARTS.index("val")].tolist()
        own = zip(self.digests.tolist(), self.parts.tolist(), strict=True)
        return self._sorted([*own, *((digest, train) for digest in taught)], images.unrecorded)

    @classmethod
    def merge(cls, members: Mapping[str, TrainingImages | None]) -> TrainingImages:
        """Return the images of models that answer as one: what taught any of them taught it.

        Args:
            members: name → images; None where they are not known.
        """
        known = [images for images in members.values() if images is not None]
        pairs = (pair for each in known for pair in zip(each.digests.tolist(), each.parts.tolist(), strict=True))
        unrecorded = [name if images is None else images.unrecorded for name, images in members.items()]
        return cls._sorted(pairs, next(filter(None, unrecorded), ""))

    def parts_of(self, catalog: Catalog, rows: Sequence[int]) -> list[TrainingPart | None]:
        """Return what each row of a catalog was in the training; None for an image that the model has never met."""
        unknown = len(PARTS)
        best = np.full(len(rows), unknown, np.uint8)
        for column in ("sha256", "pixels"):
            values = catalog.column(column)
            wanted = np.array([_number(values[row] or "0") for row in rows], np.uint64)
            places = np.minimum(np.searchsorted(self.digests, wanted), max(0, len(self.digests) - 1))
            if len(self.digests):
                known = self.digests[places] == wanted
                best = np.minimum(best, np.where(known, self.parts[places], unknown))
        return [None if part == unknown else PARTS[part] for part in best.tolist()]

    def write(self, path: Path) -> None:
        """Write a Parquet file of two columns, whole or not at all."""
        table = pa.table({"digest": self.digests, "part": pa.array([PARTS[part] for part in self.parts.tolist()])})
        about = {"format": FORMAT, "digest": DIGEST, "unrecorded": self.unrecorded}
        with atomic_file(path) as temporary:
            pq.write_table(table.replace_schema_metadata({_METADATA: json.dumps(about)}), temporary, compression="zstd")

    @classmethod
    def open(cls, path: Path) -> TrainingImages:
        """Open what `write` wrote.

        Raises:
            BundleError: another version wrote it, or it is damaged.
        """
        table, about = read_bundle_table(path, _METADATA, MAX_DIGESTS)
        if about.get("format") != FORMAT:
            raise BundleError(
                f"{path}: format {excerpt(about.get('format'))}; this version reads {FORMAT}: export the run again"
            )
        digests, names, unrecorded = numbers(table, "digest", path), texts(table, "part", path), about.get("unrecorded")
        places: dict[str, int] = {part: place for place, part in enumerate(PARTS)}
        if digests.dtype != np.uint64 or not (digests[1:] > digests[:-1]).all() or not set(names) <= set(places):
            raise BundleError(f"{path}: not digests in their order, each of one part; export the run again")
        if not isinstance(unrecorded, str):
            raise BundleError(f"{path}: unrecorded: not a text; export the run again")
        return cls(digests, np.array([places[name] for name in names], np.uint8), unrecorded)


def training_images(bundle: Bundle, catalog: Catalog | None = None) -> TrainingImages | None:
    """Return the images of a bundle's training, or None where nothing tells them.

    A bundle says it itself. Of one that an earlier version packed, the run that it lies in says it; or the catalog that
    is to be scored, if that is the training's own and its split can be made again from the seed.

    Args:
        bundle: the model.
        catalog: data that may be the training's own.
    """
    if TRAINING_IMAGES in bundle.manifest.files:
        return TrainingImages.open(bundle.path / TRAINING_IMAGES)
    cv_folds = bool(bundle.manifest.training.get("cv_folds"))
    data = bundle.manifest.data
    for own in (_run_catalog(bundle.path.parent / RUN_DATA, data), _split_again(catalog, data)):
        if own is not None:
            return TrainingImages.of(own, cv_folds=cv_folds)
    return None


def content(catalog: Catalog) -> str:
    """Return the fingerprint of images and labels alone, whatever their split and groups are."""
    bare = catalog.with_column("split", [None] * len(catalog)).with_column("group", [None] * len(catalog))
    return bare.fingerprint


def _run_catalog(file: Path, data: TrainingData) -> Catalog | None:
    try:
        catalog = read_catalog(file)
    except CatalogError:  # there is none, or its images are gone
        return None
    return catalog if catalog.fingerprint == data.fingerprint else None


def _split_again(catalog: Catalog | None, data: TrainingData) -> Catalog | None:
    if catalog is None or data.split is None or content(catalog) != data.content:
        return None
    return split(catalog.with_column("split", [None] * len(catalog)), **data.split)


def _number(digest: str) -> int:
    """Return the first 8 bytes of a digest in hex.

    >>> _number("00000000000000ff00")
    255
    """
    return int(digest[:16], 16)
