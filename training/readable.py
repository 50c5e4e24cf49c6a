#!/usr/bin/env python
"""Keep the drawn pictures of which a reader reads most, to teach with: what nobody can read teaches nothing.

    python training/readable.py BUNDLE SHARE OUT FILE.parquet ... [--views SHARE]

Writes OUT/NAME.parquet for each file, with the rows of which BUNDLE misreads at most SHARE of the characters (edit
distance over length, case ignored). NAME is the file's name; that of its folder comes first where `tellapart shards`
wrote the file. Of the kept pictures the share of `--views` is written in one of the views that a reader looks through
(`tellapart.inference.picture_view`), so that it learns to read in these too.
"""

from __future__ import annotations

import argparse
import io
import zlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from tellapart.core import image_io
from tellapart.inference.geometry import Geometry
from tellapart.inference.ink import Ink
from tellapart.inference.picture_view import View
from tellapart.inference.predictor import Predictor
from tellapart.metrics.text import edit_distance

GREYS = ("flattened", "flattened", "flattened", "contrast", "contrast", "darkest", "brightest", "usual")
STROKES = ("usual", "usual", "smoothed", "smoothed", "bolder")
FRAMES = ("whole", "whole", "trim", "pad")


def readable(reader: Predictor, table: pa.Table, share: float) -> pa.Table:
    """Return the rows of a table of ``image`` and ``label`` of which a reader misreads at most a share."""
    images, labels = table["image"].to_pylist(), table["label"].to_pylist()
    answers = reader.stream((str(row), image["bytes"]) for row, image in enumerate(images))
    wrong = (
        edit_distance(each.answer.lower(), label.lower()) / len(label)
        for each, label in zip(answers, labels, strict=True)
    )
    return table.filter(pa.array([each <= share for each in wrong]))


def in_views(table: pa.Table, share: float, seed: int) -> pa.Table:
    """Return the table with a share of its pictures in a view, drawn anew for each."""
    random, images = np.random.RandomState(seed), table["image"].to_pylist()
    for image in images:
        chosen = random.random_sample() < share
        grey, stroke, frame = (words[random.randint(len(words))] for words in (GREYS, STROKES, FRAMES))
        if chosen:
            pixels = View(Ink(grey, stroke), Geometry(frame)).apply(image_io.decode(image["bytes"], "image"))
            file = io.BytesIO()
            Image.fromarray(pixels).save(file, "PNG")
            image["bytes"] = file.getvalue()
    place = table.schema.get_field_index("image")
    return table.set_column(place, table.schema.field(place), pa.array(images, table.schema.field(place).type))


def main() -> None:
    """Filter each file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle")
    parser.add_argument("share", type=float)
    parser.add_argument("out", type=Path)
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--views", type=float, default=0.0)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    reader = Predictor(options.bundle, threads=1)
    for path in options.files:
        name = f"{path.parent.name}-{path.name}" if path.name.startswith("part-") else path.name
        file = pq.ParquetFile(path)
        groups = [readable(reader, file.read_row_group(group), options.share) for group in range(file.num_row_groups)]
        kept = in_views(pa.concat_tables(groups), options.views, zlib.crc32(name.encode()))
        pq.write_table(kept, options.out / name)
        print(f"{name}: {kept.num_rows:,} of {file.metadata.num_rows:,} kept", flush=True)


if __name__ == "__main__":
    main()
