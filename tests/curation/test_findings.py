"""Findings are read again as they were written; flags come worst first."""

from __future__ import annotations

import pytest

from tellapart.curation.audit import run_audit
from tellapart.curation.findings import Findings


@pytest.fixture(scope="module")
def found(golden, tmp_path_factory):
    return run_audit(golden, out=tmp_path_factory.mktemp("audit") / "a")


def test_flags_come_worst_first(found):
    for finding in found.checks.values():
        scores = [finding.score.get(row, 0.0) for row in finding.flags]
        assert scores == sorted(scores, reverse=True)


def test_what_was_written_is_read_again(found):
    again = Findings.read(found.about["out"])
    assert again.summary() == found.summary()
    for name, finding in found.checks.items():
        assert dict(again.checks[name].why) == dict(finding.why)
        assert again.checks[name].score.keys() == finding.score.keys()
