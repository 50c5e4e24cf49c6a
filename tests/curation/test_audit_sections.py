"""The sections of the audit's page show what a check found."""

from __future__ import annotations

import re

import pytest

from html_document import REQUESTS, Page
from tellapart.curation.audit_page import write_report
from tellapart.curation.checks.registry import CHECKS
from tellapart.curation.findings import Finding, Findings
from tellapart.curation.guidance import GUIDANCE
from tellapart.data.opening import open_catalog


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
def test_every_check_that_found_something_has_a_section(kind, request, report):
    findings = everything(request.getfixturevalue(kind))
    page = report(findings)
    for check, finding in findings.checks.items():
        assert check in page.ids
        assert finding.sentence in page.text
        assert GUIDANCE[check].asks in page.text
        assert GUIDANCE[check].do in page.text
        assert page.all("a", href=f"#{check}")
    assert "Looked for and not found" not in page.text


def test_long_galleries_are_cut_down_and_it_is_said(tmp_path, fill, report):
    catalog = open_catalog(fill(tmp_path / "set", [f"{'ab'[n % 2]}/{n}.png" for n in range(100)], 16, 16))
    rows = range(100)
    page = report(found(
        catalog, dark={"sentence": "dark", "why": {row: f"dark {row}" for row in rows}},
        near_duplicates={"sentence": "near", "why": {row: "near" for row in rows if row % 2},
                         "groups": [[row, row + 1] for row in range(0, 80, 2)] + [list(range(80, 100))]},
    ))  # fmt: skip
    assert "40 more images not shown" in page.text
    assert "5 more groups not shown" in page.text
    assert "and 14 more" in page.text or "5 more groups" in page.text


def test_copies_are_told_apart_by_what_was_done(classes, report):
    files = classes.column("file")
    page = report(found(classes, near_duplicates={
        "sentence": "near", "why": {1: f"like {files[0]}: mirrored (likeness 0.990)",
                                    2: f"like {files[1]}: turned 3° (likeness 0.970)",
                                    3: f"an exact copy of {files[2]}, which is like {files[1]}: cropped"},
        "groups": [[0, 1, 2, 3]],
    }))  # fmt: skip
    assert "mirrored (likeness 0.990)" in page.text
    assert f"like {files[0]}" not in page.text
    assert "like number 2: turned 3°" in page.text
    assert "an exact copy of number 3" in page.text


def test_a_doubted_label_stands_beside_both_readings(classes, report):
    files = classes.column("file")
    page = report(found(classes, label_errors={
        "sentence": "1 label", "threshold": 0.7, "why": {0: "labelled 'cat', looks more like 'dog'"},
        "score": {row: 0.9 if row == 0 else row / 100 for row in range(12)},
        "facts": {"accuracy": 0.9, "looks_like": {files[0]: "dog"}},
    }))  # fmt: skip
    assert "labelled cat looks like dog" in page.text
    small = [has["alt"] for has in page.all("img") if int(has["width"]) == 60]
    assert small == [f"cat: {files[1]}", f"dog: {files[8]}"]  # the least doubted of either


def test_texts_are_counted(texts, report):
    page = report(found(texts))
    labels = [has["aria-label"] for has in page.all("svg")]
    assert "occurrences a character: z 6, x 2, " in labels[-2]
    assert "space 1" in labels[-2]
    assert labels[-1] == "texts of a length: 1 1, 2 1, 3 2, 5 1"
