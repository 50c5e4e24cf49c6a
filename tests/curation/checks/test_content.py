"""A wrong label stands high."""

from __future__ import annotations

import shutil

from tellapart.curation.audit import run_audit


def test_a_flipped_label_stands_high(golden, tmp_path):
    root = tmp_path / "set"
    shutil.copytree(golden, root)
    (root / "disc" / "29.png").rename(root / "box" / "wrong.png")
    result = run_audit(root, out=tmp_path / "a")
    ranking = result.checks["label_errors"].facts["ranking"]
    assert ranking.index("box/wrong.png") < 0.25 * len(ranking)
