"""Opening a catalog: from a source of any layout, by decoding each image once, or from a written catalog."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Unpack, cast

import pyarrow as pa

from tellapart.core.documents import read_yaml
from tellapart.core.errors import CatalogError, ImageError, join_some, pluralize
from tellapart.core.files import check_target
from tellapart.core.image_conversion import group_notes
from tellapart.core.image_files import image_files
from tellapart.core.option_errors import check_option_names
from tellapart.core.parallel import map_threads
from tellapart.core.progress import log, track
from tellapart.core.storage import as_path, is_url
from tellapart.core.tag_sets import join_tags, split_tags
from tellapart.core.tasks import TASKS, check_task
from tellapart.data.catalog import SCHEMA, Catalog, encoded
from tellapart.data.catalog_file import catalog_metadata, load_catalog
from tellapart.data.coarse_labels import apply_coarse_labels, check_coarse_labels
from tellapart.data.columns import UnfitOptionError
from tellapart.data.image_facts import FACTS, Facts, image_facts
from tellapart.data.label_twins import twin_notes
from tellapart.data.layouts import check_exists, read_source
from tellapart.data.rows import Row
from tellapart.data.source_options import SOURCE_OPTIONS, LabelOptions
from tellapart.data.tag_cells import separator_notes
from tellapart.data.task_guess import describe, guess_task

Look = Callable[[Catalog], Mapping[int, Facts]]


def catalog(
    data: str | Path,
    *,
    out: str | Path,
    task: str | None = None,
    coarse_labels: str | Path | Mapping[str, Sequence[str]] | None = None,
    **options: Unpack[LabelOptions],
) -> Catalog:
    """Decode every image of a data set once and write the catalog: one row an image.

    Args:
        data: any source, see `open_catalog`.
        out: the Parquet file to write.
        task: ``classify``, ``read`` or ``tag``, see `open_catalog`.
        coarse_labels: YAML file, group → list of its classes.
        options: how to read a source, see `tellapart.data.layouts.read_source`.

    Returns:
        The catalog as written.

    Raises:
        ConfigError: ``out`` cannot be written, or is another file than a catalog.
        CatalogError: the source cannot be used; the message names the file, row or class.

    >>> import tempfile
    >>> from PIL import Image
    >>> folder = Path(tempfile.mkdtemp())
    >>> for number in range(3):
    ...     Image.new("RGB", (8, 8)).save(folder / f"dog_{number}.png")
    >>> catalog(folder, out=folder / "dogs.parquet").labels
    ('dog',)
    """
    check_target(out, ".parquet")
    result = open_catalog(data, task=task, coarse_labels=coarse_labels, progress=True, **options)
    result.write(out)
    return result


def check_source(data: str | Path | Catalog, coarse_labels: object = None) -> None:
    """Check that a source and its groups file are there, before anything that takes long.

    Args:
        data: the source; a URL is left to storage.
        coarse_labels: as `open_catalog` takes them.

    Raises:
        CatalogError: there is no such source or file.
    """
    if not isinstance(data, Catalog) and not is_url(data):
        check_exists(data)
    if isinstance(coarse_labels, str | Path) and not Path(coarse_labels).exists():
        read_yaml(coarse_labels, "the groups file", CatalogError)


def open_catalog(
    data: str | Path | Catalog,
    *,
    task: str | None = None,
    coarse_labels: str | Path | Mapping[str, Sequence[str]] | None = None,
    progress: bool = False,
    look: Look | None = None,
    **options: Unpack[LabelOptions],
) -> Catalog:
    """Open any source as a catalog: class folders, group/class folders, file names, a table, shards, or a catalog.

    An image that cannot be decoded keeps its row with ``keep`` false and the reason in ``why``.

    Args:
        data: the source.
        task: ``classify``, ``read`` or ``tag`` (several labels an image, which nothing but this says); by default as
            the source suggests, which is said in a line on stderr, see `tellapart.data.task_guess`.
        coarse_labels: YAML file or mapping, group → list of classes; every class in exactly one group.
        progress: draw a bar on a terminal's stderr.
        look: how the facts of images (`tellapart.data.image_facts.FACTS`) are measured; by default each image is
            decoded once, here.
        options: see `tellapart.data.layouts.read_source`.

    Raises:
        CatalogError: the source cannot be used; the message names the file, row or class.
        ConfigError: an unknown option.
    """
    check_option_names(options, SOURCE_OPTIONS)
    if task not in (None, *TASKS):
        raise CatalogError(f"task {task!r}: known are {', '.join(TASKS)}")
    check_source(data, coarse_labels)
    if isinstance(data, Catalog):
        result = data
        _refuse_options(result.source, options)
    elif (metadata := catalog_metadata(as_path(data))) is not None:
        _refuse_options(data, options)
        result = load_catalog(as_path(data), metadata)
    else:
        result = _open_source(data, task, progress, look, options)
        if coarse_labels is None and result.task == "classify":
            check_coarse_labels(result)
    if task is not None and task != result.task:
        result = _with_task(result, task)
    if coarse_labels is not None:
        check_task(result.task, result.source, "coarse_labels", ["classify", "read"])
        result = apply_coarse_labels(result, coarse_labels)
    return result


def open_unlabelled(data: str | Path | Catalog, task: str, *, progress: bool = False) -> Catalog:
    """Open images whose labels are not known or do not matter: every label of the catalog is empty.

    Args:
        data: a folder of images, at any depth, whose names say nothing; or any labelled source or catalog.
        task: ``classify``, ``read`` or ``tag``: what the labels will be.
        progress: draw a bar on a terminal's stderr.

    Raises:
        CatalogError: there is no image, or a labelled source that cannot be used.

    >>> import tempfile
    >>> from PIL import Image
    >>> folder = Path(tempfile.mkdtemp())
    >>> Image.new("RGB", (8, 8)).save(folder / "a.png")
    >>> open_unlabelled(folder, "classify").column("label")
    ['']
    """
    if isinstance(data, str | Path) and not is_url(data) and (files := _folder_files(Path(data))):
        rows = [Row(file.relative_to(data).as_posix(), "") for file in files]
        draft = Catalog(_table(rows), Path(data), task, str(data))
        catalog = _with_facts(draft, None, progress)
        catalog = catalog.with_notes(_unusable(catalog))
    else:
        catalog = replace(open_catalog(data, progress=progress), task=task)
        catalog = catalog.with_column("split", [None] * len(catalog)).with_column("group", [None] * len(catalog))
    return catalog.with_column("label", [""] * len(catalog))


def _folder_files(folder: Path) -> list[Path]:
    """The images of a folder; none where it is no folder."""
    return image_files(folder) if folder.is_dir() else []


def _with_task(result: Catalog, task: str) -> Catalog:
    """A catalog whose labels are taken for another task's.

    Raises:
        CatalogError: its images have several labels each.
    """
    if result.task == "tag":
        raise CatalogError(
            f"{result.source}: several labels an image (tag), which no model to {task} learns; say --task tag, or "
            "catalog a source with one label an image"
        )
    result = replace(result, task=task)
    return with_tags(result) if task == "tag" else result


def with_tags(result: Catalog) -> Catalog:
    """A catalog of tags whose labels are written as `tellapart.core.tag_sets` writes them, without groups."""
    label, group = result.column("label"), result.column("group")
    result = result.with_column("label", [join_tags(split_tags(each)) for each in label])
    if all(each is None for each in group):
        return result
    return result.with_column("group", [None] * len(group)).with_notes(["the groups are left out: tags have none"])


def open_with_defaults(data: str | Path | Catalog, defaults: LabelOptions, **options: Any) -> Catalog:
    """Open a source as `open_catalog` does, with options that hold as far as this kind of source has a use for them.

    Args:
        data: the source.
        defaults: options of another source, such as the one that a model learnt from.
        options: those of `open_catalog` that are meant for this source; they override the defaults.

    Raises:
        CatalogError: the source cannot be used; the message names the file, row or class.
    """
    try:
        return open_catalog(data, **{**defaults, **options})
    except UnfitOptionError as error:
        fitting = {name: value for name, value in defaults.items() if name not in {*error.options, *options}}
        if fitting == defaults:  # the options that do not fit are not among the defaults
            raise
        return open_with_defaults(data, cast("LabelOptions", fitting), **options)


def log_notes(catalog: Catalog) -> None:
    """Say what a person should know of a source, such as by which rule its names were read, on stderr."""
    log(*(f"note: {note}" for note in catalog.notes))


def _refuse_options(source: object, options: LabelOptions) -> None:
    """Refuse options that say how labels are read: a catalog holds them already."""
    given = {name: value for name, value in options.items() if value not in (None, "auto")}
    if given:
        said = join_some(f"--{name.replace('_', '-')} {value}" for name, value in given.items())
        raise UnfitOptionError(
            f"{source}: {said}: a catalog holds its labels already; leave it out, or catalog the source anew",
            tuple(given),
        )


def _open_source(
    data: str | Path, task: str | None, progress: bool, look: Look | None, options: LabelOptions
) -> Catalog:
    listing = read_source(data, task=task, **options)
    rows = listing.rows
    guessed = task is None
    task = task or guess_task(listing, str(data))
    if guessed or task == "tag" or (listing.layout == "file names" and options.get("label_from", "auto") == "auto"):
        log(describe(listing, task, guessed=guessed))
    meta: dict[str, Any] = {"image_columns": listing.image_columns} if listing.image_columns else {}
    draft = Catalog(_table(rows), listing.root, task, str(data), meta=meta or None)
    draft = _with_facts(draft, look, progress)
    draft = draft.with_notes([*listing.notes, *_remarks(draft)])
    draft = with_tags(draft) if task == "tag" else draft
    lost = {**listing.lost_classes, **_unreadable_classes(draft)}
    return draft.with_meta(lost_classes=lost) if lost and task == "classify" else draft


def _with_facts(draft: Catalog, look: Look | None, progress: bool) -> Catalog:
    """The catalog with what is measured of each image."""
    facts = look(draft) if look is not None else _all_facts(draft, progress)
    columns = zip(*(facts[row] for row in range(len(draft))), strict=True)
    for name, values in zip(FACTS, columns, strict=True):
        draft = draft.with_column(name, values)
    return draft


def _all_facts(draft: Catalog, progress: bool) -> dict[int, Facts]:
    files = draft.column("file")

    def look(item: tuple[int, bytes | ImageError]) -> tuple[int, Facts]:
        row, data = item
        return row, image_facts(data, files[row])[0]

    return dict(
        track(map_threads(look, encoded(draft, range(len(draft)))), "looking at images", len(draft), show=progress)
    )


def _table(rows: Sequence[Row]) -> pa.Table:
    empty: list[Any] = [None] * len(rows)
    values = {name: [getattr(row, name, None) for row in rows] for name in SCHEMA.names}
    values |= {"keep": [True] * len(rows), "why": empty, "sha256": empty}
    try:
        return pa.table(values, schema=SCHEMA)
    except UnicodeEncodeError as error:
        raise CatalogError(f"{error.object!r}: not valid Unicode; rename the file or mend the table") from error


def _unreadable_classes(draft: Catalog) -> dict[str, str]:
    """Class → how many images it has, of those none of whose images can be used."""
    counts, used = Counter(draft.column("label")), set(draft.labels)
    return {label: f"{count:,} unreadable" for label, count in sorted(counts.items()) if label not in used}


def _untaught(draft: Catalog) -> list[str]:
    """A note on classes that no image of the train part has, where there is such a part."""
    trained = set(map(draft.column("label").__getitem__, draft.rows("train")))
    rest = [label for label in draft.labels if label not in trained]
    if not trained or not rest or None in {draft.column("split")[row] for row in draft.rows()}:
        return []
    return [f"{pluralize(len(rest), 'class', 'classes')} without an image of the train part: {join_some(rest)}"]


def _remarks(draft: Catalog) -> list[str]:
    """What a person should know: counted and named, never dropped silently."""
    notes = _unusable(draft)
    lost = [f"{label} ({what})" for label, what in _unreadable_classes(draft).items()]
    if lost and draft.task == "classify":
        notes.append(f"{pluralize(len(lost), 'class', 'classes')} without a usable image: {join_some(lost, 10)}")
    if draft.task != "read":
        notes += twin_notes(draft.labels)
    if draft.task == "tag":
        notes += separator_notes(draft.labels)
    return [*notes, *_untaught(draft)] if draft.task == "classify" else notes


def _unusable(draft: Catalog) -> list[str]:
    """Notes on images that cannot be used, and on what was guessed to read others."""
    notes = []
    told = [each for each in zip(*map(draft.column, ("file", "why", "keep")), strict=True) if each[1]]
    bad = [f"{file} ({why})" for file, why, keep in told if not keep]
    if bad:
        count = pluralize(len(bad), "image cannot be used and is", "images cannot be used and are")
        notes.append(f"{count} left out: {join_some(bad)}")
    whys = Counter(why for _, why, keep in told if not keep)
    if len(bad) > 3:  # more than a note names
        notes.append(f"why: {join_some((f'{count:,} {why}' for why, count in whys.most_common()), 6)}")
    notes += group_notes(
        (file, each) for file, why, keep in told if keep for each in why.removeprefix("read: ").split("; ")
    )
    return notes
