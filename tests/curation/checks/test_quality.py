"""Checks on the picture itself: what is far from the rest is flagged, and the rest is not."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from tellapart.curation.audit import run_audit


@pytest.fixture
def findings(tmp_path, drawing):
    """Thirty like drawings, and one that is tiny, one wide, one black, one white."""
    root = tmp_path / "set"
    for seed in range(30):
        folder = root / ("disc", "box")[seed % 2]
        folder.mkdir(parents=True, exist_ok=True)
        drawing(seed, folder.name).save(folder / f"{seed:02}.png")
    drawing(40).resize((20, 15)).save(root / "disc" / "tiny.png")
    drawing(41).resize((900, 60)).save(root / "disc" / "wide.png")
    Image.fromarray(np.full((150, 200, 3), 2, np.uint8)).save(root / "disc" / "black.png")
    Image.fromarray(np.full((150, 200, 3), 254, np.uint8)).save(root / "disc" / "white.png")
    return run_audit(root, out=tmp_path / "audit", task="classify")


def flagged(findings, check):
    files = findings.catalog.column("file")
    return {files[row].rpartition("/")[2] for row in findings.checks[check].why}


@pytest.mark.parametrize(
    ("check", "file"),
    [("odd_size", "tiny.png"), ("odd_aspect", "wide.png"), ("dark", "black.png"), ("bright", "white.png")],
)
def test_what_is_far_from_the_rest_is_flagged_and_nothing_else(findings, check, file):
    names = flagged(findings, check)
    assert file in names
    assert not {name for name in names if name[0].isdigit()}
