"""The verb `embed`: the features of images, as a table or an array, part by part."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from tellapart.core.errors import ConfigError, ImageError
from tellapart.core.files import atomic_file, check_writable
from tellapart.core.storage import as_path
from tellapart.data.source_options import TaskOptions
from tellapart.inference.base_model import is_shipped
from tellapart.inference.fetching import is_remote
from tellapart.pipelines.catalog import remove_parts
from tellapart.pipelines.predict import PartsResult, parts_result

if TYPE_CHECKING:
    import pyarrow as pa

    from tellapart.data.catalog import Catalog
    from tellapart.evaluation.feature_extraction import FeatureExtractor
    from tellapart.scale.engine import Report

DTYPES = ("float32", "float16")
ROWS = 256  # of a table at a time
DIGEST = b"tellapart.parts"  # in the metadata of a joined file: what it was made of


def embed(
    model: str | Path,
    data: str | Path | Catalog,
    *,
    out: str | Path,
    dtype: str = "float32",
    on: str | None = None,
    **options: Unpack[TaskOptions],
) -> PartsResult:
    """Write the features of every image: the same call goes on with what is missing.

    Args:
        model: a run, a bundle (or its URL), or a timm backbone by its name with ImageNet weights.
        data: any labelled source or a catalog, local or by URL.
        out: a folder or URL for one Parquet file a part, one ``.parquet`` of all, or an ``.npy``: an array N, F,
            beside which ``.files.parquet`` names its rows. The columns are file, label, split, vector and error; the
            vector of an image that cannot be read is nan.
        dtype: float32 or float16.
        on: ``ray`` or ``ray://HOST:PORT``: on the machines of a cluster; else on this machine's cores.
        options: how to read the data (``task`` is ``tag`` for several labels an image), see
            `tellapart.data.layouts.read_source`.

    Raises:
        BundleError: no bundle, or one of an earlier version, without features.
        ConfigError: neither a bundle nor a backbone, an unknown dtype, or a cluster out of reach.
        CatalogError: data that cannot be used.
        InputError: a part that cannot be used, or none of whose images can; the others are done.
        GateError: a part was lost five times; the others are done.

    Example:
        tellapart.embed("tf_efficientnet_lite0", "photos", out="photos.npy", dtype="float16")
    """
    from tellapart.data.parts import labelled_parts
    from tellapart.scale.engine import Report, Work, run_parts

    if dtype not in DTYPES:
        raise ConfigError(f"dtype {dtype!r}: give {' or '.join(DTYPES)}")
    target = as_path(out)
    joined = target.suffix in (".parquet", ".npy")
    if joined:
        check_writable(out)
    place = f"{out}.parts" if joined else str(out)
    which = _which(model)
    source = str(data) if isinstance(data, str | Path) else data.source
    work = Work("embed", f"{__name__}:embed_part", {**which, "dtype": dtype}, place, [source])
    parts = labelled_parts(data, options)
    if not joined:
        report = run_parts(work, parts, on=on)
        report.check()
        return parts_result(report)
    planned = list(parts)
    digest = hashlib.sha256("".join(part.file_name(work.key) for part in planned).encode()).hexdigest()
    if _made_of(_table_beside(target)) == digest:
        return parts_result(Report(str(out), parts=len(planned), done_before=len(planned)))
    report = run_parts(work, planned, on=on, total=len(planned))
    report.check()
    _join(report, as_path(place), target, digest)
    remove_parts(as_path(place))
    return {**parts_result(report), "out": str(out)}


def _which(model: str | Path) -> dict[str, str]:
    """What tells a worker which network: a bundle and its digest, or the name of a backbone."""
    from tellapart.pipelines.feature_extractor import feature_extractor
    from tellapart.scale.bundles import bundle_options, node_predictor

    if is_shipped(model) or is_remote(model) or Path(model).exists():
        _, which = bundle_options(model)
        node_predictor(which).check_features()
        return which
    return {"backbone": str(model), "digest": feature_extractor(model).name}


def embed_part(inputs: Mapping[str, Any], options: Mapping[str, Any]) -> Iterator[pa.Table]:
    """The features of the images of a part, see `tellapart.data.parts.read_part`."""
    from tellapart.data.parts import read_part

    images = read_part(inputs)
    extractor = _extractor(options.get("model"), options.get("backbone"), options["digest"])
    while some := list(islice(images, ROWS)):
        yield _table(extractor, some, options["dtype"])


@lru_cache(maxsize=1)
def _extractor(model: str | None, backbone: str | None, digest: str) -> FeatureExtractor:
    from tellapart.evaluation.feature_extraction import FeatureExtractor
    from tellapart.pipelines.feature_extractor import feature_extractor
    from tellapart.scale.bundles import node_predictor
    from tellapart.scale.job import NodeMismatchError

    if model is not None:
        predictor = node_predictor({"model": model, "digest": digest})
        return FeatureExtractor(digest, predictor.bundle.task, predictor.bundle.preprocess, predictor.features)
    extractor = feature_extractor(str(backbone))
    if extractor.name != digest:
        raise NodeMismatchError(f"has {extractor.name} where this machine has {digest}; install the same weights")
    return extractor


def _table(extractor: FeatureExtractor, images: Sequence[Any], dtype: str) -> pa.Table:
    import numpy as np
    import pyarrow as pa

    from tellapart.inference.predictor import batched_by_width

    errors: list[str | None] = [None] * len(images)

    def readable() -> Iterator[tuple[int, Any]]:
        for row, image in enumerate(images):
            try:
                if isinstance(image.data, ImageError):
                    raise image.data
                yield row, extractor.spec.load(image.data, image.name)
            except ImageError as error:
                errors[row] = error.reason

    vectors: dict[int, Any] = {}
    for rows, pixels in batched_by_width(readable()):
        vectors.update(zip(rows, extractor.features(pixels), strict=True))
    width = len(next(iter(vectors.values()))) if vectors else _width(extractor)
    matrix = np.full((len(images), width), np.nan, dtype)
    for row, vector in vectors.items():
        matrix[row] = vector
    columns = {
        "file": pa.array([image.name for image in images], pa.string()),
        "label": pa.array([image.label for image in images], pa.string()),
        "split": pa.array([image.split for image in images], pa.string()),
        "vector": pa.FixedSizeListArray.from_arrays(pa.array(matrix.reshape(-1)), width),
        "error": pa.array(errors, pa.string()),
    }
    return pa.table(columns)


def _width(extractor: FeatureExtractor) -> int:
    """How many features there are, where no image of a part tells it."""
    import numpy as np

    spec = extractor.spec
    blank = np.zeros((1, spec.height, spec.width or 4 * spec.step, spec.channels), np.uint8)
    return int(extractor.features(blank).shape[1])


def _table_beside(target: Path) -> Path:
    """The Parquet file that says what a joined file is made of."""
    return target.parent / f"{target.stem}.files.parquet" if target.suffix == ".npy" else target


def _made_of(table: Path) -> str | None:
    """The digest of the parts that a joined file is made of; None where there is none.

    Raises:
        ConfigError: another file has its name.
    """
    from tellapart.data.parquet import open_parquet

    if not table.is_file():
        return None
    with open_parquet(table) as file:
        digest = (file.schema_arrow.metadata or {}).get(DIGEST)
    if digest is None:
        raise ConfigError(f"{table}: there already and not of embed; name another --out")
    return str(digest.decode())


def _join(report: Report, place: Path, target: Path, digest: str) -> None:
    """Write all parts as one file, a batch in memory at a time."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    from tellapart.data.parquet import open_parquet

    def batches() -> Iterator[pa.Table]:
        for name in report.files:
            with open_parquet(place / name) as file:
                for batch in file.iter_batches(batch_size=4096):
                    yield pa.Table.from_batches([batch])

    total = 0
    for name in report.files:
        with open_parquet(place / name) as file:
            total, schema = total + file.metadata.num_rows, file.schema_arrow
    is_array = target.suffix == ".npy"
    kept = pa.schema([field for field in schema if not (is_array and field.name == "vector")], {DIGEST: digest})
    if is_array:
        width, kind = schema.field("vector").type.list_size, schema.field("vector").type.value_type.to_pandas_dtype()
        with atomic_file(target) as temporary:
            array = np.lib.format.open_memmap(temporary, "w+", kind, (total, width))
            start = 0
            for table in batches():
                flat = table.column("vector").combine_chunks().flatten()
                array[start : start + len(table)] = np.asarray(flat).reshape(-1, width)
                start += len(table)
            array.flush()
            del array
    with atomic_file(_table_beside(target)) as temporary, pq.ParquetWriter(temporary, kept, compression="zstd") as out:
        for table in batches():
            out.write_table(table.select(kept.names).replace_schema_metadata(kept.metadata))
