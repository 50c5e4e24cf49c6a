"""A reading set has checks of its own: lengths, characters, texts too long for their pictures."""

from __future__ import annotations

import pytest

from tellapart.core.errors import TextError
from tellapart.curation.audit import run_audit
from tellapart.inference.preprocess import Preprocess
from tellapart.training.auto_config import plan
from tellapart.training.config import TrainConfig
from tellapart.training.text_checks import check_texts


@pytest.fixture(scope="module")
def found(golden, tmp_path_factory):
    return run_audit(golden, out=tmp_path_factory.mktemp("audit") / "a")


def flagged(findings, check):
    files = findings.catalog.column("file")
    return {files[row] for row in findings.checks[check].why}


def test_a_reading_set_has_checks_of_its_own(tmp_path, draw, encode):
    texts = [f"{number:03}" for number in range(120)] + ["0x1", "12345678901234567890"]
    for number, text in enumerate(texts):
        (tmp_path / f"{text}.png").write_bytes(encode(draw(number, 90, 48)))
    found = run_audit(tmp_path, out=tmp_path.parent / "a", task="read")
    assert flagged(found, "rare_characters") == {"0x1.png"}
    assert flagged(found, "unemittable") == set()
    assert found.checks["odd_length"].facts["lengths"] == {"3": 121, "20": 1}
    assert found.checks["rare_characters"].facts["characters"]["x"] == 1
    assert "label_errors" not in found.checks
    narrow = run_audit(tmp_path, out=tmp_path.parent / "b", task="read", thresholds={"unemittable": 8})
    assert "12345678901234567890.png" in flagged(narrow, "unemittable")


def test_a_text_is_too_long_for_the_audit_where_it_is_for_training(tmp_path, draw, encode):
    """At the reading height of 40 px a picture of 120 x 50 gives 24 steps; at 48 px it would give 32."""
    texts = ["abcdefghijklmnopqrstuvwx", "abcdefghijklmnopqrstuvwxyz"]
    for number, text in enumerate(texts):
        (tmp_path / f"{text}.png").write_bytes(encode(draw(number, 120, 50)))
    found = run_audit(tmp_path, out=tmp_path.parent / "a", task="read")
    assert flagged(found, "unemittable") == {f"{texts[1]}.png"}
    catalog = found.catalog.with_column("split", ["train"] * 2)
    planned = plan(TrainConfig(), catalog)
    assert planned.height == found.checks["unemittable"].threshold
    spec = Preprocess(height=planned.height, width=None, channels=1)
    with pytest.raises(TextError, match=f"1 text is longer than CTC can emit .*{texts[1]}"):
        check_texts(catalog, spec)
