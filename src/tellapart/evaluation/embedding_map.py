"""A map as a file: the place of each image, and what later images need to be placed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from tellapart.core.documents import load_json
from tellapart.core.errors import ConfigError
from tellapart.core.files import atomic_file
from tellapart.core.terminal import excerpt
from tellapart.metrics.pca import PCA

FORMAT = 1

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class EmbeddingMap:
    """Images on a map.

    Args:
        files: N names.
        labels: N labels.
        points: reduced features, N, A.
        places: N, 2.
        reduction: features → points.
        about: the network, the method and its options, and the fingerprint of the data.
    """

    files: list[str]
    labels: list[str]
    points: Floats
    places: Floats
    reduction: PCA
    about: Mapping[str, Any]

    def write(self, path: Path) -> None:
        """Write a Parquet file, whole or not at all."""
        table = pa.table(
            {
                "file": self.files,
                "label": self.labels,
                "x": self.places[:, 0],
                "y": self.places[:, 1],
                "point": pa.FixedSizeListArray.from_arrays(pa.array(self.points.ravel()), self.points.shape[1]),
            }
        )
        about = {**self.about, "format": FORMAT, "reduction": self.reduction.to_json()}
        table = table.replace_schema_metadata({b"tellapart map": json.dumps(about, sort_keys=True)})
        with atomic_file(path) as temporary:
            pq.write_table(table, temporary, compression="zstd")

    @classmethod
    def open(cls, path: str | Path) -> EmbeddingMap:
        """Open a map that `write` wrote.

        Raises:
            ConfigError: the file is no map, a damaged one, or one of another version.
        """
        table, about = _read(path)
        if about.get("format") != FORMAT:
            raise ConfigError(
                f"{path}: a map of format {excerpt(about.get('format'))}; this version reads {FORMAT}: make it again"
            )
        try:
            reduction = PCA.from_json(about.pop("reduction"))
            points = table["point"].combine_chunks().flatten().to_numpy().reshape(len(table), -1)
            places = np.stack([table["x"].to_numpy(), table["y"].to_numpy()], axis=1)
            atlas = cls(table["file"].to_pylist(), table["label"].to_pylist(), points, places, reduction, about)
        except (LookupError, TypeError, ValueError, AttributeError, pa.ArrowException) as error:
            raise ConfigError(f"{path}: a damaged map ({excerpt(error)}); make it again") from error
        if wrong := atlas._wrong():
            raise ConfigError(f"{path}: a damaged map ({wrong}); make it again")
        return atlas

    def _wrong(self) -> str | None:
        """What of a map that anybody may have written is not as `write` writes it; None where all is."""
        about, mean, axes = self.about, self.reduction.mean, self.reduction.axes
        arrays = (self.points, self.places, mean, axes)
        perplexity = about.get("perplexity")
        fits = {
            "files": bool(self.files) and all(isinstance(name, str) for name in (*self.files, *self.labels)),
            "numbers": all(array.dtype == np.float32 and np.isfinite(array).all() for array in arrays),
            "shapes": axes.shape == (*mean.shape, self.points.shape[1]),
            "network": isinstance(about.get("network"), str),
            "method": isinstance(about.get("method"), str),
            "perplexity": perplexity is None or (isinstance(perplexity, int | float) and 0 < perplexity < np.inf),
        }
        return next((name for name, fine in fits.items() if not fine), None)


def _read(path: str | Path) -> tuple[pa.Table, dict[str, Any]]:
    """The table of a map, and what its metadata says of it.

    Raises:
        ConfigError: the file is no map.
    """
    try:
        table = pq.read_table(path)
        table.validate(full=True)
        about = load_json((table.schema.metadata or {})[b"tellapart map"])
        if not isinstance(about, dict):
            raise ValueError("no object")
    except (OSError, ValueError, LookupError, OverflowError, MemoryError, pa.ArrowException) as error:
        raise ConfigError(f"{path}: not a map; `tellapart map` writes one as .parquet beside its page") from error
    return table, about
