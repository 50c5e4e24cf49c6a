"""A wrong label stands high."""

from __future__ import annotations

import shutil

from tellapart.curation.audit import run_audit
from tellapart.curation.audit_page import write_report


def test_a_flipped_label_stands_high(golden, tmp_path):
    root = tmp_path / "set"
    shutil.copytree(golden, root)
    (root / "disc" / "29.png").rename(root / "box" / "wrong.png")
    result = run_audit(root, out=tmp_path / "a")
    ranking = result.checks["label_errors"].facts["ranking"]
    assert ranking.index("box/wrong.png") < 0.25 * len(ranking)


def test_tags_that_lie_are_named_with_those_that_the_picture_shows(draw_tagged, tmp_path):
    """The first row of the table says the contrary of every colour."""
    data = draw_tagged(tmp_path / "tagged", n=150, wrong=1)
    result = run_audit(data, task="tag", out=tmp_path / "a")
    check = result.checks["tag_errors"]
    assert check.facts["ranking"][0] == "000.png"
    files, labels = result.catalog.column("file"), result.catalog.column("label")
    row = files.index("000.png")
    given, shown = set(labels[row].split("|")) - {""}, set(check.facts["looks_like"]["000.png"].split("|")) - {""}
    assert given ^ shown <= {"red", "green", "blue"}
    assert given != shown
    assert check.why[row].startswith(f"tagged {labels[row]!r}, looks as if it shows ")
    assert set(check.facts["tags"]) == {"red", "green", "blue"}
    assert "label_errors" not in result.checks
    write_report(result, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Images a tag" in page
    assert "Tags that look wrong" in page


def test_tags_that_few_images_have_are_left_out_and_said(draw_tagged, tmp_path):
    data = draw_tagged(tmp_path / "tagged", n=60, wrong=0)
    table = data / "labels.csv"
    table.write_text(table.read_text(encoding="utf-8").replace("003.png,", "003.png,rare|"), encoding="utf-8")
    check = run_audit(data, task="tag", out=tmp_path / "a").checks["tag_errors"]
    assert check.facts["left_out"] == "rare, which fewer than five images have, or lack"
    alone = tmp_path / "alone"
    alone.mkdir()
    (alone / "000.png").write_bytes((data / "000.png").read_bytes())
    (alone / "labels.csv").write_text("file,label\n000.png,red|blue\n", encoding="utf-8")
    check = run_audit(alone, task="tag", out=tmp_path / "b").checks["tag_errors"]
    assert check.sentence == "not judged: no tag that five images have and five lack"
