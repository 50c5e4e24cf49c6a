"""Every check keeps the contract, and every threshold can be set."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tellapart.curation.audit import run_audit
from tellapart.curation.checks import registry
from tellapart.curation.findings import GROUPED


@pytest.fixture(scope="module")
def found(golden, tmp_path_factory):
    return run_audit(golden, out=tmp_path_factory.mktemp("audit") / "a")


def groups(findings, check):
    files = findings.catalog.column("file")
    return {frozenset(files[row] for row in group) for group in findings.checks[check].groups}


@pytest.mark.parametrize("check", [check.name for check in registry.CHECKS if check.task in (None, "classify")])
def test_every_check_keeps_the_contract(found, check):
    finding = found.checks[check]
    n = len(found.catalog)
    assert finding.check == check
    assert finding.sentence
    assert finding.sentence[0] != " "
    assert set(finding.score) | set(finding.why) <= set(range(n))
    assert all(np.isfinite(value) for value in finding.score.values())
    assert all(isinstance(why, str) and why for why in finding.why.values())
    assert all(len(group) > 1 and set(group) <= set(range(n)) for group in finding.groups)
    summary = found.summary()["findings"][check]
    assert summary["count"] == len(finding.why)
    assert ("groups" in summary) == (check in GROUPED)
    json.dumps(summary)


def test_every_threshold_can_be_set(golden, tmp_path):
    none = {
        "odd_size": 1e9,
        "dark": 2.0,
        "blurry": 99.0,
        "off_domain": 1.1,
        "near_duplicates": 1.1,
        "low_information": -1,
    }
    result = run_audit(golden, out=tmp_path / "a", thresholds=none)
    assert [name for name in none if result.checks[name].why] == []
