"""Labels that a model cannot be judged by: such as it does not know, and classes where a reader looks for texts."""

from __future__ import annotations

from pathlib import PurePath

from tellapart.core.errors import CatalogError, TextError, join_some, pluralize
from tellapart.core.tag_sets import labels_of_several, split_tags
from tellapart.data.catalog import Catalog
from tellapart.evaluation.figures import Report
from tellapart.inference.bundle import Bundle


def check_known(bundle: Bundle, truth: list[str], source: str) -> None:
    """Refuse labels, or characters of texts, that the model does not know.

    Args:
        bundle: the model.
        truth: the labels.
        source: what they are of, for the error.

    Raises:
        TextError, CatalogError: there are such.
    """
    if bundle.task == "read":
        if unknown := bundle.charset.unknown(truth):
            texts = [text for text in truth if set(text) & set(unknown)]
            raise TextError(
                f"{source}: characters the model does not know: {''.join(sorted(unknown))!r} in "
                f"{pluralize(len(texts), 'text')} "
                f"({join_some(texts)}); it knows: {''.join(bundle.charset.characters)}; {_what_else(texts, truth)}"
            )
        return
    labels = {each for label in truth for each in split_tags(label)} if bundle.task == "tag" else set(truth)
    if unknown_labels := sorted(labels - set(bundle.labels)):
        raise CatalogError(
            f"{source}: labels the model does not know: {join_some(unknown_labels)}; it knows: "
            f"{join_some(bundle.labels, 8)}"
        )


def _what_else(texts: list[str], truth: list[str]) -> str:
    """Return what to do about texts that a reader cannot hold, of these labels; some look like tags of an image."""
    if set(texts) & set(labels_of_several(truth)):
        return "they look like tags, which a reader does not answer in: give a model trained with --task tag"
    return "leave those texts out, or train a reader on labels that hold them"


def folder_name_notes(catalog: Catalog, rows: list[int], figures: Report) -> list[str]:
    """Return a note, where nothing was read and each text is the name of the folder that its image lies in."""
    files, labels = catalog.column("file"), catalog.column("label")
    if figures["exact_match"]["value"] or any(PurePath(files[row]).parent.name != labels[row] for row in rows):
        return []
    names = join_some(sorted({labels[row] for row in rows}))
    return [
        f"note: no text was read, and the texts are the names of folders ({names}): where they are classes, give a "
        "model trained with --task classify"
    ]
