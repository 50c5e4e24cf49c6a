"""There is a sentence for every check."""

from __future__ import annotations

from tellapart.curation.checks.registry import CHECKS
from tellapart.curation.guidance import GUIDANCE


def test_there_are_words_for_every_check():
    assert set(GUIDANCE) == {check.name for check in CHECKS}
