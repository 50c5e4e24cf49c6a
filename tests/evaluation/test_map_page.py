"""The map's page zooms, filters and keeps what was ticked."""

from __future__ import annotations

import numpy as np

from tellapart.evaluation.map_page import MapPoints, Thumbnails, page, sheets

RED, BLUE = (200, 10, 20), (10, 20, 200)


def colours_drawn(tab):
    """How many pixels of the map are red, and blue."""
    tab.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return tuple(tab.evaluate("""colours => {
        const canvas = document.getElementById("map");
        const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        return colours.map(colour => {
            let number = 0;
            for (let at = 0; at < data.length; at += 4)
                if (data[at + 3] === 255 && colour.every((value, i) => data[at + i] === value)) number++;
            return number;
        });
    }""", [RED, BLUE]))  # fmt: skip


def test_thumbnails_stand_where_the_page_looks_for_them():
    cells = [np.full((8, 8, 3), number % 250, np.uint8) for number in range(64 * 64 + 70)]
    first, second = sheets(cells, 8)
    assert first.startswith("data:image/jpeg;base64,")
    assert len(second) < len(first)


def test_the_page_in_a_browser_zooms_filters_and_keeps_what_was_ticked(tmp_path, tab):
    n = 900  # so many that dots are drawn, also where some are filtered out
    places = np.random.default_rng(0).random((n, 2)).astype(np.float32)
    labels = ["<b>a</b>" if row % 2 else "b" for row in range(n)]
    parts = ["train" if row < 600 else "test" for row in range(n)]
    points = MapPoints(places, [f"{row}.png" for row in range(n)], labels, parts)
    thumbnails = Thumbnails(sheets(np.zeros((n, 8, 8, 3), np.uint8), 8), 8)
    text = page("A map", points, {"<b>a</b>": "#c80a14", "b": "#0a14c8"}, thumbnails, ["A note."])
    (tmp_path / "map.html").write_text(text, encoding="utf-8")
    (tmp_path / "other.html").write_text("<!doctype html><title>other</title>")
    tab.goto((tmp_path / "map.html").as_uri())
    red, blue = whole = colours_drawn(tab)
    assert min(whole) > 100
    # Zoom, and all of them again.
    tab.get_by_label("closer").click()
    assert colours_drawn(tab) != whole
    tab.get_by_label("farther").click()
    tab.get_by_label("show all").click()
    assert colours_drawn(tab) == whole
    tab.locator("#map").press("n")  # steps to the first image
    assert tab.locator("#about").inner_text().split("\n") == ["b · train", "0.png"]
    # Filters: a part, a class.
    test, first = tab.get_by_label("test", exact=True), tab.locator("input[data-of='0']")
    test.uncheck()
    assert 0 < sum(colours_drawn(tab)) < red + blue
    test.check()
    first.uncheck()
    filtered = colours_drawn(tab)
    assert filtered[0] == 0
    assert filtered[1] >= blue
    # Away and back: the map shows what the boxes say.
    tab.goto((tmp_path / "other.html").as_uri())
    tab.go_back()
    assert not first.is_checked()
    assert colours_drawn(tab)[0] == 0
    # None, and all.
    first.check()
    tab.get_by_text("none / all").click()
    assert not first.is_checked()
    tab.get_by_text("none / all").click()
    assert min(colours_drawn(tab)) > 100
