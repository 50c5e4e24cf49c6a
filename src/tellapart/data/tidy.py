"""A tidy copy of a data set: clear folders, names that every system takes, and the way back to the old names."""

from __future__ import annotations

import csv
import hashlib
import itertools
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Unpack

from tellapart.core import image_io
from tellapart.core.csv_writing import csv_text
from tellapart.core.errors import CatalogError, ConfigError, ImageError, join_some, pluralize
from tellapart.core.files import atomic_folder, contents
from tellapart.core.folder_lock import hold_target
from tellapart.core.image_files import image_files
from tellapart.core.progress import track
from tellapart.data.catalog import Catalog
from tellapart.data.opening import open_catalog
from tellapart.data.source_options import SourceOptions

LABELS = "labels.csv"
MAPPING = "mapping.csv"
_COLUMNS = ("file", "original", "sha256")
_MOST = 100  # bytes of a folder's name; file systems hold 255, some with encryption 143
_RESERVED = re.compile(r"con|prn|aux|nul|(com|lpt)\d|__macosx", re.IGNORECASE)  # by Windows; by archives of macOS
_SUFFIXES = {
    b"\xff\xd8\xff": ".jpg", b"\x89PNG": ".png", b"GIF8": ".gif", b"BM": ".bmp", b"RIFF": ".webp",
    b"II": ".tif", b"MM": ".tif",
}  # fmt: skip


def tidy(
    data: str | Path | Catalog,
    *,
    out: str | Path,
    restore: bool = False,
    copy: bool = False,
    progress: bool = False,
    **options: Unpack[SourceOptions],
) -> dict[str, Any]:
    """Lay a data set out anew under ``out``, whole or not at all; the data itself stays as it is.

    Classes become folders (``dog/dog_0001.jpg``, with groups ``animal/dog/dog_0001.jpg``), a reading set
    ``images/000001.png``, numbered in the order of the original names and ending as the content is.
    ``labels.csv`` gives ``out`` the labels, splits and groups of the data whatever the folders are
    called (blanks around a label, which no table keeps, are dropped); ``mapping.csv`` knows every
    image's original name and sha256, for the way back. Images that the catalog does not keep stay behind.

    Images are hard links where the file system can: no space is taken, but the link and the original are
    one file under two names, so **editing one in place edits both**. With ``copy`` they share nothing.

    Args:
        data: any source, or a catalog; with ``restore`` a folder that tidy wrote.
        out: a new or empty folder, neither inside the data nor around it.
        restore: give back the original names, sub-folders included, from ``data``'s mapping.csv.
        copy: write every image again instead of linking it.
        progress: draw a bar on a terminal's stderr.
        options: how to read a source, see `tellapart.data.opening.open_catalog`.

    Returns:
        out, images, linked, copied, classes (0 for texts, for tags and on the way back), mapping (the file), notes.

    Raises:
        ConfigError: ``out`` is not empty, a file, inside the data or around it, or another command writes it.
        CatalogError: the source cannot be used or has changed; the mapping is none, or points out of its folder.

    >>> import tempfile
    >>> from PIL import Image
    >>> top = Path(tempfile.mkdtemp())
    >>> (top / "photos" / "Big Dog!").mkdir(parents=True)
    >>> Image.new("RGB", (9, 9)).save(top / "photos" / "Big Dog!" / "IMG 7.JPEG")
    >>> tidy(top / "photos", out=top / "tidy")["images"]
    1
    >>> (top / "tidy" / "mapping.csv").read_text().splitlines()[1].rpartition(",")[0]
    'Big-Dog/Big-Dog_0001.jpg,Big Dog!/IMG 7.JPEG'
    >>> _ = tidy(top / "tidy", out=top / "again", restore=True)
    >>> (top / "again" / "Big Dog!" / "IMG 7.JPEG").is_file()
    True
    """
    out = Path(out)
    # What can be refused without looking at every image first is refused at once.
    _check_out(out, [] if isinstance(data, Catalog) or not Path(data).is_dir() else [Path(data)])
    if restore and isinstance(data, Catalog):
        raise ConfigError("the way back starts from a folder that tidy wrote, not from a catalog")
    with hold_target(out):
        if restore:
            return _back(Path(str(data)), out, copy, progress)
        catalog = open_catalog(data, progress=progress, **options)
        _check_out(out, _folders(catalog))
        return _forth(catalog, out, copy, progress)


def folder_names(labels: Iterable[str]) -> dict[str, str]:
    """A folder name for each label: letters and digits of any script, taken by every file system.

    Distinct also where a file system sees no difference between cases or between ways to write an accent.

    >>> folder_names(["a", "A", "C++", "C", "con", "?"])
    {'a': 'a', 'A': 'A-upper', 'C': 'C', '?': 'u003f', 'con': 'con_', 'C++': 'C-2'}
    """
    names: dict[str, str] = {}
    taken: set[str] = set()
    # Who can be called as it is comes first, and lower case before upper.
    for label in sorted(set(labels), key=lambda label: (_slug(label) != label, label != label.lower(), label)):
        slug = _slug(label)
        upper = slug == label == label.upper() != label.lower()
        numbered = (f"{slug}-{number}" for number in itertools.count(2))
        tries = itertools.chain([slug], [f"{slug}-upper"] if upper else [], numbered)
        names[label] = next(name for name in tries if _folded(name) not in taken)
        taken.add(_folded(names[label]))
    return names


def _slug(label: str) -> str:
    text = unicodedata.normalize("NFC", label)
    # By category and not by \w, which would cut the vowel signs out of many scripts.
    words = "".join(sign if sign == "_" or unicodedata.category(sign)[0] in "LMN" else " " for sign in text).split()
    # Nothing left of "?" or an emoji: its code points then. Without dots no name ends in one or hides.
    slug = _cut("-".join(words) or "-".join(f"u{ord(sign):04x}" for sign in text))
    return f"{slug}_" if _RESERVED.fullmatch(unicodedata.normalize("NFKC", slug)) else slug


def _cut(name: str) -> str:
    return name.encode()[:_MOST].decode(errors="ignore").rstrip("-")


def _folded(name: str) -> str:
    """Equal for names that some file system takes for one; rather too many than too few."""
    return unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", name).upper())


# --- there -------------------------------------------------------------------------------------------


def _forth(catalog: Catalog, out: Path, copy: bool, progress: bool) -> dict[str, Any]:
    shards, numbers, files = catalog.column("shard"), catalog.column("row"), catalog.column("file")
    # Rows of a shard by their number: #10 comes after #9.
    rows = sorted(catalog.rows(), key=lambda row: (shards[row] or "", numbers[row] or 0, files[row]))
    if not rows:
        raise CatalogError(f"{catalog.source}: none of its {len(catalog)} images can be used; see the catalog's why")
    _check_labels(catalog, rows)
    stems = _stems(catalog, rows)
    digests = catalog.column("sha256")
    names: dict[int, str] = {}
    linked = 0
    with atomic_folder(out) as folder:
        for row, content in track(catalog.read(rows), "tidying", len(rows), show=progress):
            if hashlib.sha256(content).hexdigest() != digests[row]:
                raise CatalogError(
                    f"{files[row]}: changed since it was catalogued in {catalog.source}; catalog the data again"
                )
            names[row] = stems[row] + _suffix(content, files[row])
            source = catalog.root / files[row] if shards[row] is None else None
            linked += _place(folder / names[row], content, source, copy)
        originals = _originals(catalog, names)
        _write_table(folder / MAPPING, _COLUMNS, [(names[row], originals[row], digests[row]) for row in rows])
        _write_labels(folder / LABELS, catalog, names, rows)
        _check_out(out, [])  # what has come into it meanwhile would be replaced
    classes = {catalog.column("label")[row] for row in rows} if catalog.task == "classify" else set()
    left_out = len(catalog) - len(rows)
    notes = [*catalog.notes, *([f"{left_out} of {len(catalog)} images are not kept and stay behind"] * bool(left_out))]
    renamed = [f"{label} in {name}" for label, name in folder_names(classes).items() if label != name]
    if renamed:
        notes.append(f"{len(renamed)} classes have a folder of another name, see {LABELS}: {join_some(renamed)}")
    return _result(out, len(rows), linked, len(classes), out / MAPPING, notes)


def _check_labels(catalog: Catalog, rows: Iterable[int]) -> None:
    """A table keeps no NUL and no blanks around a label: none may consist of them, no two classes differ in them."""
    labels: dict[str, str] = {}
    for row in rows:
        label, file = catalog.column("label")[row], catalog.column("file")[row]
        if not label.strip():
            raise CatalogError(f"{file}: its label is made of blanks, which no table keeps; rename it")
        if "\0" in label:
            raise CatalogError(f"{file}: its label holds a NUL, which no table keeps; rename it")
        known = labels.setdefault(label.strip(), label)
        if known != label and catalog.task == "classify":
            raise CatalogError(
                f"{file}: labels {known!r} and {label!r} differ only in the blanks around them, which no table keeps; "
                "rename one"
            )


def _stems(catalog: Catalog, rows: Sequence[int]) -> dict[int, str]:
    """The new name of each row, but for its ending."""
    if catalog.task != "classify":  # of texts, and of several labels, no folder can be called
        digits = max(6, len(str(len(rows))))
        return {row: f"images/{number:0{digits}}" for number, row in enumerate(rows, start=1)}
    labels, groups = catalog.column("label"), catalog.column("group")
    folders = folder_names(labels[row] for row in rows)
    tops = folder_names(groups[row] for row in rows if groups[row] is not None)
    digits = max(4, len(str(max(Counter(labels[row] for row in rows).values()))))
    stems, seen = {}, Counter[str]()
    for row in rows:
        name = folders[labels[row]]
        seen[name] += 1
        top = f"{tops[groups[row]]}/" if groups[row] is not None else ""
        stems[row] = f"{top}{name}/{name}_{seen[name]:0{digits}}"
    return stems


def _suffix(content: bytes, file: str) -> str:
    for magic, suffix in _SUFFIXES.items():
        if content.startswith(magic):
            return suffix
    raise ImageError(file, "not an image of a known kind; drop it from the catalog (keep)")


def _originals(catalog: Catalog, names: Mapping[int, str]) -> dict[int, str]:
    """Each image's name within the data; where some lie outside its folder, within the folder that holds them all."""
    shards, files = catalog.column("shard"), catalog.column("file")
    found: dict[int, Path] = {}
    for row, name in names.items():
        found[row] = Path(os.path.normpath(files[row]))
        if shards[row] is not None:  # a name that a shard gives to bytes may be anything, or none
            inside = [part for part in Path(files[row]).parts if part not in ("..", Path(files[row]).anchor)]
            found[row] = Path(
                *inside[:-1], inside[-1] + ("" if image_io.is_image_name(inside[-1]) else Path(name).suffix)
            )
    if any(path.anchor or path.parts[0] == ".." for path in found.values()):
        whole = {row: Path(os.path.normpath(catalog.root.absolute() / path)) for row, path in found.items()}
        try:
            top = os.path.commonpath([path.parent for path in whole.values()])
        except ValueError as error:
            raise CatalogError(f"{catalog.source}: its images lie on more than one drive; gather them first") from error
        found = {row: path.relative_to(top) for row, path in whole.items()}
    return {row: path.as_posix() for row, path in found.items()}


def _write_labels(path: Path, catalog: Catalog, names: Mapping[int, str], rows: Sequence[int]) -> None:
    """The labels, and what else of the catalog a table can say."""
    more = [
        name
        for name in ("split", "group", "together")
        if (name == "split" and catalog.task == "classify")
        or any(catalog.column(name)[row] is not None for row in rows)
    ]
    values = [catalog.column(name) for name in ("label", *more)]
    records = [(names[row], *(str(column[row] or "").strip() for column in values)) for row in rows]
    _write_table(path, ("file", "label", *more), records)


def _write_table(path: Path, columns: Sequence[str], records: Sequence[Sequence[str]]) -> None:
    with path.open("x", encoding="utf-8", newline="") as stream:
        stream.write(csv_text(columns, records))


# --- and back ----------------------------------------------------------------------------------------


def _back(data: Path, out: Path, copy: bool, progress: bool) -> dict[str, Any]:
    mapping = data / MAPPING
    if not mapping.is_file():
        raise CatalogError(f"{data}: no {MAPPING} in it; the way back starts from a folder that tidy wrote")
    records = _read_mapping(mapping)
    missing, changed = [], []
    linked = 0
    with atomic_folder(out) as folder:
        for original, (file, digest) in track(records.items(), "restoring", len(records), show=progress):
            try:
                content = image_io.read_bytes(data / file)
            except ImageError:
                missing.append(file)
                continue
            if hashlib.sha256(content).hexdigest() != digest:
                changed.append(file)
                continue
            try:
                linked += _place(folder / original, content, data / file, copy)
            except (FileExistsError, NotADirectoryError):
                raise CatalogError(
                    f"{mapping}: another image has the place of {original!r} (this file system may not tell upper from "
                    f"lower case); change its name in the column original"
                ) from None
        if missing or changed:
            odd = [
                f"{what}: {join_some(files)}"
                for what, files in (("missing or unreadable", missing), ("changed", changed))
                if files
            ]
            raise CatalogError(
                f"{data}: {len(missing) + len(changed)} of {len(records)} images are not as tidy left them "
                f"({'; '.join(odd)}); put them back or drop their rows from {MAPPING}; nothing was written"
            )
        _check_out(out, [])
    mapped = {Path(file) for file, _ in records.values()}
    inside = (path.relative_to(data) for path in image_files(data))
    others = [path.as_posix() for path in inside if path not in mapped]
    count = pluralize(len(others), "image stays", "images stay")
    notes = [f"{count} behind, not in {MAPPING}: {join_some(others)}"] if others else []
    return _result(out, len(records), linked, 0, mapping, notes)


def _read_mapping(path: Path) -> dict[str, tuple[str, str]]:
    """Original name → file and sha256; no name of it leads out of its folder."""
    records: dict[str, tuple[str, str]] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            if absent := [name for name in _COLUMNS if name not in (reader.fieldnames or [])]:
                raise CatalogError(f"{path}: no column {', '.join(absent)}; give the {MAPPING} that tidy wrote")
            for number, record in enumerate(reader, start=2):
                file, original, digest = (record[name] or "" for name in _COLUMNS)
                for name in (file, original):
                    if not _is_inside(name):
                        raise CatalogError(
                            f"{path}: row {number} names {name!r}, which is no file within the folder; nothing outside "
                            "of it is read or written"
                        )
                if records.setdefault(original, (file, digest))[1] != digest:
                    raise CatalogError(f"{path}: row {number} names {original!r} again, for another image; drop one")
    except UnicodeDecodeError as error:
        raise CatalogError(f"{path}: not UTF-8 text (byte {error.start}); save the table as UTF-8") from error
    except csv.Error as error:
        raise CatalogError(f"{path}: not a readable table: {error}") from error
    if not records:
        raise CatalogError(f"{path}: the table names no image")
    return records


def _is_inside(name: str) -> bool:
    """Whether a name leads to a place below its folder, by the rules of the system that is to follow it."""
    path = Path(name)
    return bool(path.parts) and not path.anchor and ".." not in path.parts and "\0" not in name


# --- both ways ---------------------------------------------------------------------------------------


def _place(target: Path, content: bytes, source: Path | None, copy: bool) -> bool:
    """Link, or write where a link is not wanted or not to be had; whether it was linked."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source is not None and not copy:
        try:
            os.link(source.resolve(), target)  # resolved: else Linux links the symbolic link
            return True
        except OSError:  # another file system, or one without hard links, or somebody else's file; or the name is taken
            pass
    with target.open("xb") as stream:  # never "wb": what has the name may be a link to the user's own image
        stream.write(content)
    if source is not None:
        os.utime(target, ns=(source.stat().st_atime_ns, source.stat().st_mtime_ns))
    return False


def _check_out(out: Path, folders: Iterable[Path]) -> None:
    """``out`` is new or empty, and neither inside one of the data's folders nor around it."""
    place = out.resolve()
    for folder in folders:
        home = folder.resolve()
        if place == home or home in place.parents:
            raise ConfigError(f"{out} lies inside the data ({folder}); name a folder outside of it")
        if place in home.parents:
            raise ConfigError(f"{out} holds the data ({folder}); name a new folder beside it")
    if out.is_dir():
        if contents(out):
            raise ConfigError(f"{out} is not empty: name another folder, or remove this one first")
    elif out.exists():
        raise ConfigError(f"{out} is a file; name a new folder")


def _folders(catalog: Catalog) -> list[Path]:
    """The folders that are the data. A single shard is a file: what lies beside it is not in it."""
    shards = set(catalog.column("shard")) - {None}
    pairs = zip(catalog.column("file"), catalog.column("shard"), strict=True)
    folders = {(catalog.root / file).parent for file, shard in pairs if shard is None}
    return [*([catalog.root] if folders or len(shards) > 1 else []), *sorted(folders)]


def _result(out: Path, total: int, linked: int, classes: int, mapping: Path, notes: list[str]) -> dict[str, Any]:
    return {
        "out": str(out),
        "images": total,
        "linked": linked,
        "copied": total - linked,
        "classes": classes,
        "mapping": str(mapping),
        "notes": notes,
    }
