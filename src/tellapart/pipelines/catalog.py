"""The verb `catalog`: a row an image, looked at here or on a cluster."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from tellapart.core.files import check_target
from tellapart.core.storage import RemotePath, as_path
from tellapart.data.source_options import SourceOptions

if TYPE_CHECKING:
    import pyarrow as pa

    from tellapart.data.catalog import Catalog
    from tellapart.data.image_facts import Facts
    from tellapart.data.opening import Look

ROWS = 1024  # of a table at a time


def catalog(data: str | Path, *, out: str | Path, on: str | None = None, **options: Unpack[SourceOptions]) -> Catalog:
    """Decode every image of a data set once and write the catalog: one row an image.

    Args:
        data: any source, local or by URL, see `tellapart.data.opening.open_catalog`.
        out: the Parquet file to write, or its URL.
        on: ``ray`` or ``ray://HOST:PORT``: the machines of a cluster look. What they saw lies part by part in
            ``OUT.parts`` meanwhile, so that the same call goes on; ``out`` must be where all of them see it.
        options: ``task``, ``coarse_labels``, and how to read a source, see `tellapart.data.opening.open_catalog`.

    Returns:
        The catalog as written.

    Raises:
        ConfigError: ``out`` cannot be written, is another file than a catalog, or a cluster out of reach.
        CatalogError: the source cannot be used; the message names the file, row or class.
        GateError: a part was lost five times.

    Example:
        tellapart.catalog("photos", out="photos.parquet")
    """
    from tellapart.data.opening import catalog as look_here
    from tellapart.data.opening import open_catalog

    if on is None:
        return look_here(data, out=out, **options)
    check_target(out, ".parquet")
    place = f"{out}.parts"
    result = open_catalog(data, progress=True, look=look_on(on, place, str(data)), **options)
    result.write(as_path(out))
    remove_parts(as_path(place))
    return result


def look_on(on: str | None, place: str, source: str) -> Look:
    """What measures the facts of images part by part, see ``look`` of `tellapart.data.opening.open_catalog`."""

    def look(draft: Catalog) -> Mapping[int, Facts]:
        from tellapart.data.image_facts import FACTS
        from tellapart.data.parts import catalog_parts, part_order
        from tellapart.scale.engine import Work, run_parts

        rows = range(len(draft))
        report = run_parts(
            Work("catalog", f"{__name__}:look_part", {}, place, [source]), catalog_parts(draft, rows), on=on
        )
        report.check()
        records = part_rows(as_path(place), report.files)
        facts = (tuple(record[name] for name in FACTS) for record in records)
        return dict(zip(part_order(draft, rows), facts, strict=True))

    return look


def part_rows(place: Path, names: list[str]) -> Iterator[dict[str, Any]]:
    """The rows of all parts, in their order."""
    from tellapart.data.parquet import open_parquet

    for name in names:
        with open_parquet(place / name) as file:
            for batch in file.iter_batches(batch_size=ROWS):
                yield from batch.to_pylist()


def look_part(inputs: Mapping[str, Any], options: Mapping[str, Any]) -> Iterator[pa.Table]:  # noqa: ARG001
    """The facts of the images of a part, see `tellapart.data.image_facts`."""
    import pyarrow as pa

    from tellapart.data.catalog import SCHEMA
    from tellapart.data.image_facts import FACTS, image_facts
    from tellapart.data.parts import read_part

    schema = pa.schema([SCHEMA.field(name) for name in FACTS])
    rows = [dict(zip(FACTS, image_facts(image.data, image.name)[0], strict=True)) for image in read_part(inputs)]
    yield pa.Table.from_pylist(rows, schema=schema)


def remove_parts(place: Path) -> None:
    """Remove the parts of a folder, once what they were for is written."""
    import shutil

    if isinstance(place, RemotePath):
        for path, _ in list(place.files()):
            path.unlink()
    else:
        shutil.rmtree(place)
