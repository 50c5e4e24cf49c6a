"""Several readers that answer together: the text that is likeliest on the mean over them.

Their steps need not agree, so their probabilities cannot be averaged; how likely each finds a whole text can.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

import numpy as np

from tellapart.core.errors import ImageError
from tellapart.core.image_io import Pixels
from tellapart.inference.charset import BLANK
from tellapart.inference.constraints import TextConstraint
from tellapart.inference.ctc import Reading
from tellapart.inference.graph_session import Floats
from tellapart.inference.image_inputs import Read
from tellapart.inference.postprocess import text_predictions
from tellapart.inference.prediction import Prediction
from tellapart.inference.predictor import BATCH, NOTHING, Predictor, batched_by_width, blank_rows
from tellapart.inference.tta import consensus, ensemble_views

_WINDOW = 4 * BATCH  # pictures held at a time


class ReaderEnsemble:
    """Readers that answer as one of them would, each with a view of its own.

    Args:
        members: the first one's bundle, characters and rule are those of all; one look of each is taken. The first
            knows all characters of the others; what another does not know, that one never sees.

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
        return self._answers(items, lambda views: ensemble_views(views, self.bundle.charset, self.rule))

    def agree(self, items: Iterable[tuple[str, Read]]) -> Iterator[Prediction]:
        """The same; the confidence is how far all agree on the text, see `tellapart.inference.tta.consensus`."""
        return self._answers(items, lambda views: [consensus(views, self.bundle.charset, self.rule)])

    def _answers(
        self, items: Iterable[tuple[str, Read]], read: Callable[[list[Floats]], list[Reading]]
    ) -> Iterator[Prediction]:
        source = iter(items)
        while window := list(islice(source, _WINDOW)):
            loaded = [[member.prepare(*item)[1] for item in window] for member in self.members]
            errors = {index: each for index, each in enumerate(loaded[0]) if isinstance(each, ImageError)}
            views = self._look(loaded)
            readings = [read(views[index]) if index in views else [NOTHING] for index in range(len(window))]
            predictions = text_predictions([name for name, _ in window], readings, self.bundle.manifest)
            for index, each in enumerate(predictions):
                yield Prediction(each.file, "read", error=errors[index].reason) if index in errors else each

    def _look(self, loaded: Sequence[Sequence[Pixels | ImageError]]) -> dict[int, list[Floats]]:
        """What each member sees of each picture, T, C each; nothing where it has one colour there."""
        views: dict[int, list[Floats]] = {}
        for member, columns, pictures in zip(self.members, self._columns, loaded, strict=True):
            pixels = ((index, each) for index, each in enumerate(pictures) if not isinstance(each, ImageError))
            for rows, batch in batched_by_width(pixels):
                blank = blank_rows(batch)
                seen = member.run(batch)
                known = np.zeros((*seen.shape[:2], self.bundle.charset.size), seen.dtype)
                known[..., columns] = seen
                for row, index in enumerate(rows):
                    if row not in blank:
                        views.setdefault(index, []).append(known[row])
        return views
