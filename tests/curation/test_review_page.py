"""The review page shows what would go, takes corrections and saves them."""

from __future__ import annotations

import csv
import io
import re

import pytest

from html_document import REQUESTS, Page
from tellapart.curation import review_page as reviewing
from tellapart.curation.checks.registry import CHECKS
from tellapart.curation.findings import Finding, Findings
from tellapart.curation.review_page import write_review
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
def review(tmp_path):
    def write(findings, decisions):
        write_review(findings, decisions, tmp_path / "pages" / "review.html")
        return stands_alone(Page((tmp_path / "pages" / "review.html").read_text(encoding="utf-8")))

    return write


@pytest.fixture
def classes(class_folders):
    return open_catalog(class_folders)


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


def test_every_decision_can_be_changed(classes, review):
    files = classes.column("file")
    findings = found(classes, near_duplicates={"sentence": "", "why": {1: ""}, "groups": [[0, 1]]},
                     label_errors={"sentence": "", "why": {5: ""}}, dark={"sentence": "", "why": {7: ""}})  # fmt: skip
    page = review(findings, {1: f"near_duplicates: like {files[0]}: mirrored", 5: "label_errors: looks like 'dog'",
                             7: "dark: 2%", 8: "put aside before"})  # fmt: skip
    items = [has for tag, has in page.elements if tag == "figure" and "data-file" in has]
    assert {has["data-file"] for has in items} == {files[row] for row in (1, 5, 7, 8)}
    for row in (1, 5, 7, 8):
        keep, aside = page.all("input", type="radio", name=f"r{row}")
        assert (keep["value"], "checked" in keep) == ("true", False)
        assert (aside["value"], "checked" in aside) == ("false", True)
    assert [has["aria-label"] for has in page.all("input", class_="label")] == [f"new label of {files[5]}"]
    assert [has["value"] for has in page.all("option")] == ["cat", "cup", "dog"]
    assert {"near_duplicates", "label_errors", "dark", "other-reasons"} <= set(page.ids)
    assert page.all("figure", class_="card stays")  # the one that the copy is like
    assert " mirrored " in page.text


def test_copies_that_disagree_stand_together_whichever_check_spoke_first(classes, review):
    findings = found(classes, conflicting_labels={"sentence": "", "why": {3: "", 4: ""}, "groups": [[3, 4]]},
                     exact_duplicates={"sentence": "", "why": {4: ""}, "groups": [[3, 4]]})  # fmt: skip
    page = review(findings, {3: "conflicting_labels: labelled 'cat', a copy of it 'cup'",
                             4: "exact_duplicates: the same pixels as cat/3.png"})  # fmt: skip
    assert "conflicting_labels" in page.ids
    assert "exact_duplicates" not in page.ids
    assert len(page.all("div", role="group")) == 1
    assert len(page.all("input", class_="label")) == 2


def test_the_script_asks_for_nothing_and_quotes_what_it_writes(classes, review):
    page = review(everything(classes), {0: "dark: 2%"})
    script = re.search(r"<script>(.*?)</script>", page.source, re.DOTALL)[1]
    assert script == reviewing.SCRIPT
    assert not re.search(r"fetch|XMLHttp|WebSocket|import|http|eval|innerHTML", script)
    assert "'\"' + text.replaceAll('\"', '\"\"') + '\"'" in script
    assert "['file,keep,label', " in script
    # What it writes, said in Python, comes back.
    rows = [['a "b", c\n.png', "true", " dög,"]]
    text = "file,keep,label\r\n" + ",".join('"' + cell.replace('"', '""') + '"' for cell in rows[0]) + "\r\n"
    assert list(csv.reader(io.StringIO(text)))[1:] == rows


def test_what_was_decided_is_there_after_back_and_can_be_saved(classes, review, tmp_path, tab):
    files = classes.column("file")
    review(found(classes, dark={"sentence": "", "why": {0: "", 1: ""}}), {0: "dark: 2%", 1: "dark: 3%"})
    (tmp_path / "other.html").write_text("<!doctype html><title>other</title>")
    tab.goto((tmp_path / "pages" / "review.html").as_uri())
    save = tab.locator("#save")
    assert save.is_disabled()
    tab.locator(f'[data-file="{files[1]}"] input[value="true"]').check()
    assert tab.locator("#count").inner_text() == "1 image changed"
    tab.goto((tmp_path / "other.html").as_uri())
    tab.go_back()
    assert tab.locator(f'[data-file="{files[1]}"] input[value="true"]').is_checked()
    assert tab.locator("#count").inner_text() == "1 image changed"
    assert save.is_enabled()
    with tab.expect_download() as download:
        save.click()
    assert download.value.suggested_filename == "corrections.csv"
    text = download.value.path().read_text(encoding="utf-8")
    assert list(csv.reader(io.StringIO(text))) == [["file", "keep", "label"], [files[1], "true", ""]]


def test_too_many_are_shared_out_over_the_reasons(tmp_path, fill, review, monkeypatch):
    monkeypatch.setattr(reviewing, "MOST", 10)
    catalog = open_catalog(fill(tmp_path / "set", [f"{'ab'[n % 2]}/{n}.png" for n in range(40)], 16, 16))
    page = review(found(catalog), {row: ("blurry: b" if row < 2 else "dark: d") for row in range(40)})
    items = [has for tag, has in page.elements if tag == "figure" and "data-file" in has]
    assert len(items) == 10
    assert {catalog.column("file")[row] for row in (0, 1)} <= {has["data-file"] for has in items}
    assert "10 are shown here" in page.text
    assert "30 more images not shown" in page.text


def test_nothing_to_review(classes, review):
    page = review(found(classes), {})
    assert "there is nothing to review" in page.text
    assert not page.all("button")
