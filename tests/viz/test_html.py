"""Blocks of a page: texts stay texts, pictures fill their holes once, the policy names its own style and script."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest
from PIL import Image

from tellapart.data.opening import open_catalog
from tellapart.viz import html


def test_text_is_escaped_and_markup_is_not():
    assert html.tag("p", "<b>", html.Html("<i></i>"), None, ["x", 3], title='a"b') == (
        '<p title="a&quot;b">&lt;b&gt;<i></i>x3</p>'
    )
    assert html.tag("p", hidden=False, lang=None) == "<p></p>"


@pytest.mark.parametrize("text", ["a\0b", "a\x07b"])
def test_control_characters_cannot_forge_a_hole(text):
    assert html.escaped(text) == "a\ufffdb"


def test_a_lone_surrogate_can_be_written():
    assert html.escaped("a\ud800").encode() == b"a?"


def test_small_pictures_are_shown_larger_and_large_ones_smaller():
    def size(width, height):
        shown = html.embedded(Image.new("RGB", (width, height)), (144, 144), "x")
        return tuple(int(re.search(f' {name}="([0-9]+)"', shown)[1]) for name in ("width", "height"))

    assert size(28, 28) == (112, 112)
    assert size(1440, 10) == (144, 1)
    assert size(10, 4000) == (1, 144) or size(10, 4000)[1] == 144
    assert size(1, 1) == (4, 4)


def test_the_policy_allows_the_pages_own_style_and_script_and_nothing_else():
    page = html.document("A <title>", html.tag("main", "text"), style="p { color: red }", script="let a = 1 < 2")
    policy = re.search(r'content="(default-src[^"]+)"', page)[1].replace("&#x27;", "'")
    for element, source in (("style", "style-src"), ("script", "script-src")):
        text = re.search(f"<{element}>(.*?)</{element}>", page, re.DOTALL)[1]
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{source} 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert "<title>A &lt;title&gt;</title>" in page
    assert "script-src" not in html.document("x", html.tag("main"))


def test_the_style_sheet_lies_in_the_package_and_begins_with_the_colours():
    assert html.package_text("tellapart.viz", "page.css").startswith(":root { color-scheme: light dark;")
    assert "\n" + html.package_text("tellapart.viz", "page.css") in html.document("x", html.tag("main"))


def test_pictures_fill_their_holes_and_a_lost_one_leaves_words(class_folders, tmp_path):
    catalog = open_catalog(class_folders)
    pictures = html.Pictures(catalog)
    body = html.tag("main", pictures.show(0, 32), pictures.show(0, 32), pictures.show(1, 16))
    (class_folders / catalog.column("file")[1]).unlink()
    html.write_page(tmp_path / "page.html", html.document("x", body), pictures)
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "\0" not in page
    first, second = re.findall(r'<img src="(data:image/jpeg;base64,[^"]+)"', page)
    assert first == second
    assert page.count('<span class="gone"') == 1
    assert 'title="there is no such file"' in page


def test_marked_rows_of_a_table_are_found():
    made = html.table(["name", "n"], [["a", 1], ["b", 2]], marked={1})
    assert re.findall('<tr class="found"><th scope="row">(.)', made) == ["b"]
