#!/usr/bin/env python
"""Keep the drawn pictures of which a reader reads most, to teach with: what nobody can read teaches nothing.

    python training/readable.py BUNDLE SHARE OUT FILE.parquet ...

Writes OUT/NAME.parquet for each file, with the rows of which BUNDLE misreads at most SHARE of the characters (edit
distance over length, case ignored). NAME is the file's name; that of its folder comes first where `tellapart shards`
wrote the file.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tellapart.inference.predictor import Predictor
from tellapart.metrics.text import edit_distance


def readable(reader: Predictor, table: pa.Table, share: float) -> pa.Table:
    """Return the rows of a table of ``image`` and ``label`` of which a reader misreads at most a share."""
    images, labels = table["image"].to_pylist(), table["label"].to_pylist()
    answers = reader.stream((str(row), image["bytes"]) for row, image in enumerate(images))
    wrong = (
        edit_distance(each.answer.lower(), label.lower()) / len(label)
        for each, label in zip(answers, labels, strict=True)
    )
    return table.filter(pa.array([each <= share for each in wrong]))


def main() -> None:
    """Filter each file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle")
    parser.add_argument("share", type=float)
    parser.add_argument("out", type=Path)
    parser.add_argument("files", type=Path, nargs="+")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    reader = Predictor(options.bundle, threads=1)
    for path in options.files:
        name = f"{path.parent.name}-{path.name}" if path.name.startswith("part-") else path.name
        file = pq.ParquetFile(path)
        groups = [readable(reader, file.read_row_group(group), options.share) for group in range(file.num_row_groups)]
        kept = pa.concat_tables(groups)
        pq.write_table(kept, options.out / name)
        print(f"{name}: {kept.num_rows:,} of {file.metadata.num_rows:,} kept", flush=True)


if __name__ == "__main__":
    main()
