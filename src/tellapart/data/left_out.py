"""What of a folder is no row: files of other kinds, counted and named, and classes without an image."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from pathlib import Path

from tellapart.core.errors import join_some, pluralize
from tellapart.data.folder_scheme import FolderScheme
from tellapart.data.folder_tree import FolderTree, Parts
from tellapart.data.split_names import part_in_name

KINDS = 6  # of files, that a note names
_OWN = frozenset({"scheme.yaml"})  # what `tellapart generate` writes beside its images
_PICTURES = (
    ".heic", ".heif", ".avif", ".jxl", ".jp2", ".svg", ".psd", ".cr2", ".cr3", ".nef", ".dng", ".arw", ".orf",
    ".rw2", ".raw", ".ppm", ".pgm", ".pbm", ".pnm", ".tga", ".pcx", ".ico", ".exr", ".dds", ".eps", ".dcm",
    ".dicom", ".nii", ".fits", ".svs",
)  # fmt: skip
_HINTS = {
    _PICTURES: "pictures of kinds that are not read: convert them to JPEG or PNG",
    (".zip", ".tar", ".gz", ".tgz", ".rar", ".7z", ".xz", ".bz2"): "archives: unpack them",
    (".xlsx", ".xls", ".ods", ".numbers"): "spreadsheets: save a table as CSV",
    (".crdownload", ".part", ".partial", ".download"): "downloads that never ended: fetch them again",
    (".arrow",): "Arrow files of a saved dataset: write it as Parquet (to_parquet)",
    (".mdb",): "an LMDB: write its images as files or as Parquet",
    (".tfrecord", ".tfrecords", ".npz", ".npy", ".mat", ".pkl", ".pickle", ".h5", ".hdf5"): (
        "arrays or records: write their images as files or as Parquet"
    ),
    (".mp4", ".avi", ".mov", ".mkv", ".webm"): "films: take pictures out of them",
}
_NO_IMAGES = frozenset({  # kinds of files that make no class of the folder that they lie in
    ".txt", ".csv", ".tsv", ".json", ".jsonl", ".xml", ".yaml", ".yml", ".md", ".rst", ".py", ".ipynb", ".sh", ".html",
    ".log", ".pdf", ".doc", ".docx", ".xls", ".xlsx", ".toml", ".cfg", ".ini", ".parquet", ".pt", ".pth", ".onnx",
    ".cache", ".bib", ".tex",
})  # fmt: skip


def hint_of_kind(name: str) -> str | None:
    """What can be done with a file of another kind, by its ending; None where nothing is known.

    >>> hint_of_kind("set.tar.gz"), hint_of_kind("a.txt")
    ('archives: unpack them', None)
    """
    ending = Path(name).suffix.lower()
    return next((hint for endings, hint in _HINTS.items() if ending in endings), None)


def other_files(others: Collection[Parts]) -> list[str]:
    """Notes on the files that are no images: how many of which kind, and what can be done with some kinds.

    Args:
        others: the files.

    >>> other_files([("a.txt",), ("b", "c.zip")])
    ['2 files are not images by name and were left out: 1 .txt, 1 .zip', '1 .zip: archives: unpack them']
    """
    others = [parts for parts in others if parts[-1] not in _OWN]
    if not others:
        return []
    kinds = Counter(map(_kind, others))
    count = pluralize(len(others), "file is no image", "files are not images")
    was = "was" if len(others) == 1 else "were"
    notes = [f"{count} by name and {was} left out: {join_some(_counted(others), KINDS)}"]
    for endings, hint in _HINTS.items():
        if found := [f"{kinds[ending]:,} {ending}" for ending in endings if ending in kinds]:
            notes.append(f"{', '.join(found)}: {hint}")
    return notes


def _counted(files: Collection[Parts]) -> list[str]:
    return [f"{count:,} {kind}" for kind, count in Counter(map(_kind, files)).most_common()]


def _kind(parts: Parts) -> str:
    """The ending of a file, or that it has none: many files without an ending are one kind."""
    return Path(parts[-1]).suffix.lower() or "without an ending"


def lost_classes(tree: FolderTree, scheme: FolderScheme, labels: Collection[str]) -> tuple[dict[str, str], list[str]]:
    """Class folders that hold no image.

    Args:
        tree: the folder.
        scheme: what its levels mean.
        labels: the classes that have images.

    Returns:
        Class → what its folder holds instead, of those that have no image at all; and notes on these, and on parts
        and classes of parts without an image.
    """
    lost, bare = {}, []
    depths = {len(place.folders) for folder in {parts[:-1] for parts in tree.images} if (place := scheme.place(folder))}
    for folder, files in _without_images(tree).items():
        place = scheme.place(folder)
        name = "/".join(folder)
        if place is None:
            # beside the parts, or beside the one part that has images
            is_part = part_in_name(folder[-1]) is not None and folder[:-1] in (scheme.around, scheme.around[:-1])
            bare += [name] if (scheme.parts or scheme.around) and is_part else []
        elif place.folders and len(place.folders) in depths:
            if place.folders[-1] in labels:
                bare.append(name)
            else:
                what = "cannot be read" if folder in tree.closed else join_some(_counted(files), KINDS) or "empty"
                lost[place.folders[-1]] = what
    notes = []
    if lost:
        named = [f"{name} ({what})" for name, what in sorted(lost.items())]
        notes.append(f"{pluralize(len(lost), 'class folder')} without a usable image: {join_some(named, 10)}")
    if bare:
        notes.append(f"{pluralize(len(bare), 'folder')} of parts without an image: {join_some(bare, 10)}")
    return lost, notes


def _without_images(tree: FolderTree) -> dict[Parts, list[Parts]]:
    """The folders without an image at any depth, and the files below each; not those that hold texts alone."""
    filled = {parts[:length] for parts in tree.images for length in range(1, len(parts))}
    below: dict[Parts, list[Parts]] = {folder: [] for folder in tree.folders if folder not in filled}
    for parts in tree.others:
        for length in range(1, len(parts)):
            if parts[:length] in below:
                below[parts[:length]].append(parts)
    return {
        folder: files
        for folder, files in below.items()
        if not files or any(_kind(parts) not in _NO_IMAGES for parts in files)
    }
