"""Several readers that answer together: the text that is likeliest on the mean over them.

Their steps need not agree, so their probabilities cannot be averaged; how likely each finds a whole text can.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import numpy as np

from tellapart.core.errors import ImageError
from tellapart.core.image_io import Pixels
from tellapart.inference.charset import BLANK
from tellapart.inference.constraints import TextConstraint
from tellapart.inference.graph_session import Floats
from tellapart.inference.image_inputs import Read
from tellapart.inference.postprocess import text_predictions
from tellapart.inference.prediction import Prediction
from tellapart.inference.predictor import BATCH, NOTHING, Predictor, batched_by_width, blank_rows
from tellapart.inference.tta import TTA_SCHEDULE, ensemble_views, resize_width

_WINDOW = 4 * BATCH  # pictures held at a time


class ReaderEnsemble:
    """Readers that answer as one of them would, each with a view of its own.

    Args:
        members: the first one's bundle, characters, rule and ``tta`` are those of all. It knows all characters of the
            others; what another does not know, that one never sees.

    Raises:
        TextError: another knows a character that the first does not.
    """

    def __init__(self, members: Sequence[Predictor]) -> None:
        self.members = list(members)
        self.bundle, self.rule = members[0].bundle, members[0].rule
        charset = self.bundle.charset
        self._columns = [[BLANK, *charset.encode("".join(each.bundle.charset.characters))] for each in members]

    def with_rule(self, rule: TextConstraint) -> ReaderEnsemble:
        """The same readers with another constraint on their texts.

        Raises:
            TextError: no text of their characters fits the rule.
        """
        return ReaderEnsemble([self.members[0].with_rule(rule), *self.members[1:]])

    def stream(self, items: Iterable[tuple[str, Read]]) -> Iterator[Prediction]:
        """Answers for (name, image) pairs without holding them all, in order; a bad image is one with an ``error``."""
        source = iter(items)
        while window := list(islice(source, _WINDOW)):
            yield from self._answer(window)

    def _answer(self, window: Sequence[tuple[str, Read]]) -> list[Prediction]:
        loaded = [[member.prepare(*item)[1] for item in window] for member in self.members]
        errors = {index: each for index, each in enumerate(loaded[0]) if isinstance(each, ImageError)}
        readings = [[NOTHING]] * len(window)
        views: dict[int, list[Floats]] = {index: [] for index in range(len(window)) if index not in errors}
        unsure = self._look(loaded, list(views), 1.0, views)
        for limit, widths in ((1.0, ()), *(TTA_SCHEDULE if self.members[0].tta else ())):
            unsure = [index for index in unsure if readings[index][0].confidence < limit]
            for width in widths:
                self._look(loaded, unsure, width, views)
            for index in unsure:
                readings[index] = ensemble_views(views[index], self.bundle.charset, self.rule)
        predictions = text_predictions([name for name, _ in window], readings, self.bundle.manifest)
        return [
            Prediction(each.file, "read", error=errors[index].reason) if index in errors else each
            for index, each in enumerate(predictions)
        ]

    def _look(
        self,
        loaded: Sequence[Sequence[Pixels | ImageError]],
        indices: Sequence[int],
        width: float,
        views: dict[int, list[Floats]],
    ) -> list[int]:
        """Add what each member sees of some pictures in a width; the pictures that are not of one colour."""
        blank: set[int] = set()
        for member, columns, pictures in zip(self.members, self._columns, loaded, strict=True):
            pixels = ((index, each) for index in indices if not isinstance(each := pictures[index], ImageError))
            for rows, batch in batched_by_width(pixels):
                blank.update(rows[row] for row in blank_rows(batch))
                seen = member.run(resize_width(batch, width, member.bundle.preprocess.step))
                known = np.zeros((*seen.shape[:2], self.bundle.charset.size), seen.dtype)
                known[..., columns] = seen
                for index, chances in zip(rows, known, strict=True):
                    views[index].append(chances)
        return [index for index in indices if index not in blank]
