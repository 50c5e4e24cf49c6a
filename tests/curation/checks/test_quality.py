"""Checks on the picture itself: what is far from the rest is flagged, and the rest is not."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

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


def test_pictures_of_which_hardly_anything_is_left_are_flagged(tmp_path):
    def letters(ink, paper, mode="RGB"):
        image = Image.new(mode, (120, 40), paper)
        ImageDraw.Draw(image).text((12, 3), "3K7P", fill=ink, font=ImageFont.load_default(28))
        return image

    lost = {
        "faint": letters((252, 252, 252), "white"),
        "transparent": letters((0, 0, 0, 0), (90, 90, 90, 0), "RGBA"),
        "grey": letters((126, 126, 126), (128, 128, 128)),
        "noise": Image.fromarray(np.random.default_rng(0).integers(126, 130, (40, 120), dtype=np.uint8)),
        "dot": letters((0, 0, 0), "white").crop((0, 0, 9, 40)).resize((120, 40)),
    }
    shown = {
        "white on transparent": letters((255, 255, 255, 255), (255, 255, 255, 0), "RGBA"),
        "black on transparent": letters((0, 0, 0, 255), (0, 0, 0, 0), "RGBA"),
        "as light as its ground": letters((180, 0, 0), (0, 91, 0)),
        "pale": letters((200, 200, 200), "white"),
        "12 bits": Image.fromarray(np.asarray(letters(0, 255, "L")).astype(np.uint16) * 16),
    }
    for name, image in {**lost, **shown}.items():
        (tmp_path / "set" / name[0]).mkdir(parents=True, exist_ok=True)
        image.save(tmp_path / "set" / name[0] / f"{name}.png")
    findings = run_audit(tmp_path / "set", out=tmp_path / "audit", task="classify")
    assert flagged(findings, "hardly_any_content") == {f"{name}.png" for name in lost}
    assert flagged(findings, "dark") == set(), "light letters on black are content"
    assert any("light on a transparent ground: laid on black" in note for note in findings.catalog.notes)
    assert any("transparent throughout" in note for note in findings.catalog.notes)
