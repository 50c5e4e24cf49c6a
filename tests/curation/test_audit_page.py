"""The pages of an audit stand alone, say everything that was found, and take any name for what it is: text."""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from html_document import REQUESTS, Page
from tellapart.curation.audit_page import check_title, write_report
from tellapart.curation.checks.registry import CHECKS
from tellapart.curation.findings import Finding, Findings
from tellapart.curation.guidance import GUIDANCE
from tellapart.curation.review_page import write_review
from tellapart.data.opening import open_catalog
from tellapart.viz import html as paging


def stands_alone(page):
    """Nothing on the page asks for anything but itself, and its policy says so too."""
    for tag, has in page.elements:
        for key in REQUESTS & has.keys():
            assert has[key].startswith(("data:image/", "#")), f"{tag} {key}={has[key][:80]}"
        assert not [key for key in has if key.startswith("on") or key == "style"]
        assert tag not in ("link", "iframe", "object", "embed", "base")
        if tag == "a":
            assert has["href"][1:] in page.ids
    css = re.search(r"<style>(.*?)</style>", page.source, re.DOTALL)[1]
    assert "url(" not in css
    assert "@import" not in css
    (policy,) = page.all("meta", http_equiv="Content-Security-Policy")
    assert policy["content"].startswith("default-src 'none'; img-src data:; style-src 'sha256-")
    assert "unsafe" not in policy["content"]
    assert len(set(page.ids)) == len(page.ids)
    for has in page.all("img"):
        assert has["alt"]
    return page


def found(catalog, **checks):
    """Findings as the audit makes them: every check of the task, and these with something to say."""
    whole = {check.name: Finding(check.name, "nothing", check.threshold, facts=_facts(check.name))
             for check in CHECKS if check.task in (None, catalog.task)}  # fmt: skip
    whole |= {name: Finding(name, **values) for name, values in checks.items()}
    return Findings(catalog, whole, {"data": catalog.source, "evidence": "pixels", "notes": list(catalog.notes)})


def _facts(name):
    return {"accuracy": 0.9} if name == "label_errors" else {}


@pytest.fixture
def report(tmp_path):
    """Write the report of some findings and read it as a browser would."""

    def write(findings):
        write_report(findings, tmp_path / "pages" / "report.html")
        return stands_alone(Page((tmp_path / "pages" / "report.html").read_text(encoding="utf-8")))

    return write


@pytest.fixture
def review(tmp_path):
    def write(findings, decisions):
        write_review(findings, decisions, tmp_path / "pages" / "review.html")
        return stands_alone(Page((tmp_path / "pages" / "review.html").read_text(encoding="utf-8")))

    return write


@pytest.fixture
def classes(class_folders):
    return open_catalog(class_folders)


@pytest.fixture
def texts(tmp_path, fill):
    fill(tmp_path / "texts", [f"{text}.png" for text in ("a b", "xyz", "x\u4e2d", "zzzzz", "q")], width=120, height=30)
    return open_catalog(tmp_path / "texts", task="read", label_from="text")


def everything(catalog):
    """A finding of every check, about the first rows."""
    some = {0: "because", 1: "because"}
    facts = {
        "class_imbalance": {"flag": True},
        "one_source": {"classes": {"cat": "90% of 'cat' are png of 64 x 48 px"}},
        "label_errors": {"accuracy": 0.9, "looks_like": {catalog.column("file")[0]: "dog"}},
        "tiny_classes": {"classes": ["cat"]},
        "rare_characters": {"characters": {"x": 2, " ": 1}},
    }
    grouped = ("exact_duplicates", "near_duplicates", "conflicting_labels", "split_leaks")
    quiet = ("class_imbalance", "one_source")
    return found(catalog, **{
        check.name: {
            "sentence": f"something about {check.name}", "threshold": check.threshold,
            "score": {} if check.name in quiet else {0: 1.0, 1: 0.9}, "why": {} if check.name in quiet else some,
            "groups": [[0, 1]] if check.name in grouped else [], "facts": facts.get(check.name, {}),
        }
        for check in CHECKS if check.task in (None, catalog.task)
    })  # fmt: skip


@pytest.mark.parametrize("kind", ["classes", "texts"])
def test_every_check_that_found_nothing_is_in_one_line(kind, request, report):
    reason = "the data brings no split"
    findings = found(request.getfixturevalue(kind), split_leaks={"sentence": "", "facts": {"not_judged": reason}})
    page = report(findings)
    (line,) = re.findall(r"Looked for and not found: ([^.]*)\.", page.text)
    assert line.split(", ") == [GUIDANCE[check].what for check in findings.checks if check != "split_leaks"]
    assert f"Not looked for: {GUIDANCE['split_leaks'].what} ({reason})." in page.text
    assert not set(findings.checks) & set(page.ids)
    assert "Nothing was found" in page.text


def test_what_is_most_urgent_comes_first(classes, report):
    page = report(everything(classes))
    order = [place for place in page.ids if place in GUIDANCE]
    assert order[:3] == ["unreadable", "split_leaks", "conflicting_labels"]
    assert order.index("label_errors") < order.index("near_duplicates") < order.index("bright")
    believed_less = everything(classes)
    believed_less.checks["label_errors"].facts["accuracy"] = 0.3
    order = [place for place in report(believed_less).ids if place in GUIDANCE]
    assert order.index("near_duplicates") < order.index("label_errors") < order.index("bright")


def test_a_check_that_the_page_does_not_know_is_shown_too(classes, report):
    page = report(found(classes, moon_phase={"sentence": "two at full moon", "why": {1: "full moon"}}))
    assert "moon_phase" in page.ids
    assert "two at full moon" in page.text
    assert check_title("moon_phase") == "Moon phase"


def test_names_from_the_data_stay_text(tmp_path, fill, report, review):
    evil = "<script>alert(1)"  # no slash: this is a folder's name
    quotes = "\"x\" onerror='alert(1)' &amp; \u202egnp"
    fill(tmp_path / "set", [f"{evil}/{quotes}.png", f"{evil}/2.png", "b/1.png"])
    catalog = open_catalog(tmp_path / "set")
    labels = ["</style><script>alert(2)</script>" if label == "b" else label for label in catalog.column("label")]
    catalog = catalog.with_column("label", labels)
    page = report(everything(catalog))
    assert not page.all("script")
    assert evil in page.text
    assert f"{evil}/{quotes}.png" in page.text
    assert f"{evil}: {evil}/{quotes}.png" in {has["alt"] for has in page.all("img")}
    page = review(everything(catalog), {0: "label_errors: because", 1: "exact_duplicates: because"})
    assert len(page.all("script")) == 1
    assert {has["data-file"] for _, has in page.elements if "data-file" in has} == set(catalog.column("file")[:2])


def test_no_hole_is_left_and_none_can_be_forged(classes, report):
    forged = classes.with_column("label", ["\0000 144 144\0"] * len(classes))
    assert "\0" not in report(everything(forged)).source


def test_pictures_are_decoded_once_and_only_those_shown(classes, report, monkeypatch):
    seen = []
    decode = paging.image_io.decode
    monkeypatch.setattr(
        paging.image_io, "decode", lambda data, file, **rest: (seen.append(file), decode(data, file))[1]
    )
    page = report(everything(classes))
    assert sorted(seen) == sorted(set(seen))
    assert len(page.all("img")) > 20
    sides = [max(int(has["width"]), int(has["height"])) for has in page.all("img")]
    assert max(sides) <= 144


def test_images_that_have_gone_leave_a_placeholder(classes, class_folders, report):
    (class_folders / "cat" / "0.png").unlink()
    (class_folders / "cat" / "1.png").write_bytes(b"no image any more")
    page = report(everything(classes))
    told = {has["aria-label"] for has in page.all("span", class_="gone")}
    assert "cat: cat/0.png (there is no such file)" in told
    assert any(line.startswith("cat: cat/1.png (not an image of a known kind") for line in told)


def test_one_image_of_one_class(tmp_path, fill, report):
    page = report(found(open_catalog(fill(tmp_path / "set", ["a/1.png"]))))
    assert "1 image " in page.text
    assert "The image is 64 × 48 px." in page.text


def test_nothing_readable(tmp_path, report, review):
    for number in range(3):
        path = tmp_path / "set" / "a" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\x89PNG broken")
    catalog = open_catalog(tmp_path / "set")
    why = dict(enumerate(catalog.column("why")))
    findings = found(catalog, unreadable={"sentence": "3 of 3 images cannot be decoded", "why": why})
    page = report(findings)
    assert "3 of 3 images cannot be decoded" in page.text
    assert page.text.count("No image could be decoded.") == 3
    assert not page.all("img")
    page = review(findings, why)
    assert not page.all("input")  # nobody can decide otherwise
    assert "the image is damaged" in page.text


def test_a_shard_is_shown_and_may_go(tmp_path, draw, encode, report):
    data = [{"bytes": encode(draw(seed)), "path": None} for seed in range(6)]
    path = tmp_path / "set.parquet"
    pq.write_table(pa.table({"image": data, "label": ["a", "b"] * 3}), path)
    catalog = open_catalog(path)
    assert len(report(everything(catalog)).all("img")) > 6
    path.unlink()
    page = report(everything(catalog))
    assert not page.all("img")
    assert page.all("span", class_="gone")


def test_many_classes_are_cut_down_and_it_is_said(tmp_path, fill, report):
    names = [f"c{number:03}" for number in range(90)]
    catalog = open_catalog(
        fill(tmp_path / "set", [f"{name}/{n}.png" for name in names for n in range(2)], 16, 16), task="classify"
    )
    page = report(found(catalog))
    assert "40 of 90 classes are shown" in page.text
    assert "50 lie between, with 2 to 2 each" in page.text
    assert len(page.all("th")) == 90  # all of them in the table


def test_a_page_is_written_whole_or_not_at_all(classes, tmp_path, monkeypatch):
    path = tmp_path / "report.html"
    path.write_text("the old one")

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(paging, "embedded", stop)
    with pytest.raises(KeyboardInterrupt):
        write_report(found(classes), path)
    assert path.read_text() == "the old one"
    assert [name.name for name in tmp_path.iterdir() if name.suffix == ".part"] == []


def test_the_same_findings_give_the_same_page(classes, tmp_path):
    for name in ("one", "other"):
        write_report(everything(classes), tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


def test_images_that_were_not_looked_at_are_named(classes, report):
    page = report(found(classes, near_duplicates={"sentence": "", "facts": {"left_out": "3 images of 39 px"}}))
    what = GUIDANCE["near_duplicates"].what
    (line,) = re.findall(r"Looked for and not found: ([^.]*)\.", page.text)
    assert what in line.split(", ")
    assert f"Not looked at for {what}: 3 images of 39 px." in page.text
