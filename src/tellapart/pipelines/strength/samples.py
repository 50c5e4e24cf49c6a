"""Pictures that the strongest attacker read, and pictures that it did not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tellapart.core import image_io
from tellapart.core.image_io import Pixels
from tellapart.data.catalog import Catalog
from tellapart.inference.predictor import Predictor
from tellapart.pipelines.strength.attack import text_knowledge

LOOKED_AT = 200  # pictures of the test part
EACH = 6  # that were read, and that were not


def samples(catalog: Catalog, curve: Sequence[dict[str, Any]]) -> list[dict[str, str]]:
    """Some pictures of the test part, as the strongest attacker reads them again.

    Args:
        catalog: with a split.
        curve: the steps of the attack.

    Returns:
        ``file``, ``text`` and ``read`` of a few that were read, then of a few that were not.
    """
    if not curve:
        return []
    strongest = max(curve, key=lambda step: step["exact_match"]["value"])
    knowledge: Any = {} if strongest["labels"] else text_knowledge(catalog)
    rows = catalog.rows("test")[:LOOKED_AT]
    files, texts = catalog.column("file"), catalog.column("label")
    images = dict(catalog.read(rows))
    answers = Predictor(strongest["model"], tta=True, **knowledge).predict([images[row] for row in rows])
    found = [
        {"file": files[row], "text": texts[row], "read": answer.answer}
        for row, answer in zip(rows, answers, strict=True)
    ]
    read = [each for each in found if each["read"] == each["text"]]
    return [*read[:EACH], *[each for each in found if each["read"] != each["text"]][:EACH]]


def sample_pictures(catalog: Catalog, chosen: Sequence[dict[str, str]]) -> dict[str, Pixels]:
    """The pictures of samples: file to RGB."""
    wanted = {each["file"] for each in chosen}
    rows = [row for row in catalog.rows("test") if catalog.column("file")[row] in wanted]
    return {catalog.column("file")[row]: image_io.decode(data) for row, data in catalog.read(rows)}
