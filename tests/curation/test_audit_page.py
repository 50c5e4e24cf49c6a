"""The pages of an audit stand alone, say everything that was found, and take any name for what it is: text."""

from __future__ import annotations

import csv
import io
import re
from html.parser import HTMLParser

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tellapart.curation import review_page as reviewing
from tellapart.curation.audit_page import check_title, write_report
from tellapart.curation.checks.registry import CHECKS
from tellapart.curation.findings import Finding, Findings
from tellapart.curation.guidance import GUIDANCE
from tellapart.curation.review_page import write_review
from tellapart.data.opening import open_catalog
from tellapart.viz import html as paging

VOID = {"br", "img", "input", "meta", "wbr"}
REQUESTS = {"src", "href", "srcset", "action", "formaction", "data", "poster", "background", "xlink:href", "ping"}


class Page(HTMLParser):
    """What a browser would see: elements with their attributes, and the text; it insists on closed elements."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.source, self.elements, self.open, self.words = text, [], [], []
        self.glue = False
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        assert len({key for key, _ in attrs}) == len(attrs), f"an attribute twice in {tag}"
        self.glue = tag == "wbr"
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("style", "script"):
            self.words.append(self.words.pop() + data if self.glue else data)
            self.glue = False

    @property
    def text(self):
        return re.sub(r"\s+", " ", " ".join(self.words))

    def all(self, tag, /, **wanted):
        wanted = {key.rstrip("_").replace("_", "-"): value for key, value in wanted.items()}
        return [has for one, has in self.elements if one == tag and wanted.items() <= has.items()]

    @property
    def ids(self):
        return [has["id"] for _, has in self.elements if "id" in has]


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


# --- the report


def test_there_are_words_for_every_check():
    assert set(GUIDANCE) == {check.name for check in CHECKS}


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


@pytest.mark.parametrize("kind", ["classes", "texts"])
def test_every_check_that_found_nothing_is_in_one_line(kind, request, report):
    findings = found(request.getfixturevalue(kind))
    page = report(findings)
    (line,) = re.findall(r"Looked for and not found: ([^.]*)\.", page.text)
    assert line.split(", ") == [GUIDANCE[check].what for check in findings.checks if check != "split_leaks"]
    assert "Copies across the given split: nothing." in page.text  # the data brings none: not judged
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
    monkeypatch.setattr(paging.image_io, "decode", lambda data, file, **rest: (seen.append(file), decode(data, file))[1])
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


def test_a_page_is_written_whole_or_not_at_all(classes, tmp_path, monkeypatch):
    path = tmp_path / "report.html"
    path.write_text("the old one")

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(paging, "_img", stop)
    with pytest.raises(KeyboardInterrupt):
        write_report(found(classes), path)
    assert path.read_text() == "the old one"
    assert [name.name for name in tmp_path.iterdir() if name.suffix == ".part"] == []


def test_the_same_findings_give_the_same_page(classes, tmp_path):
    for name in ("one", "other"):
        write_report(everything(classes), tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


# --- the review


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


# --- the blocks
