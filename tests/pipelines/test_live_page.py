"""The page of a training that runs: what it says, and in a real browser that it follows the training."""

from __future__ import annotations

import json
import threading

import pytest

import tellapart
from tellapart.core.errors import ConfigError
from tellapart.pipelines.live_page import LivePage
from tellapart.training.run_folder import Run
from tellapart.training.tasks.classification import ClassificationModule


@pytest.fixture
def begun(shape_run, copied):
    """A copy of a run as it was after so many epochs: its page, and a function that sets how many."""
    run = Run.open(copied(shape_run, "shapes of mine"))
    for name in ("metrics.json", "model.safetensors"):
        (run.path / name).unlink()
    history = run.path / "history.jsonl"
    lines = history.read_text("utf-8").splitlines(keepends=True)

    def after(epochs):
        if epochs:
            history.write_text("".join(lines[:epochs]), "utf-8")
        else:
            history.unlink()

    return LivePage(run, run.catalog()), after


@pytest.fixture
def look(begun, tab):
    page, after = begun

    def open_(epochs):
        after(epochs)
        page.update()
        tab.goto(page.path.as_uri())
        return tab

    return open_


def test_it_says_how_far_the_training_is(begun, look):
    tab = look(0)
    assert tab.inner_text("h1") == "Training shapes of mine"
    assert tab.inner_text("p b") == "No epoch is done yet; the images are decoded first."
    tab = look(1)
    assert tab.inner_text("p b").startswith("Stage 1 of 2 (head), epoch 1 of at most 1 is done; at most 0.0 s left")
    assert tab.inner_text("p b").endswith("left in it. Then: all, up to 3 epochs.")
    assert tab.locator("svg.plot").count() == 0, "one epoch is no curve"
    tab = look(3)
    line = begun[0].run.histories()[""][2]
    tiles = tab.locator(".tile").all_inner_texts()
    assert [" ".join(each.split()) for each in tiles[:2]] == [
        f"{100 * line['train_accuracy']:.1f} % of the training images answered right, as they were shown",
        f"{100 * line['val_accuracy']:.1f} % of the validation images answered right",
    ]
    curves = [tab.locator("svg.plot").nth(number) for number in (0, 1)]
    assert [curve.locator("polyline").count() for curve in curves] == [2, 2], "both parts in each"
    assert [tab.locator(f"text={name}").count() for name in ("validation", "training")] != [0, 0]
    assert "train accuracy" in tab.locator("details table").text_content()


def test_it_shows_pictures_that_are_answered_wrong(begun, look):
    told = {"row": 0, "truth": "<b>disc</b>", "answer": "ring", "confidence": 0.75}
    (begun[0].run.path / "mistakes.json").write_text(json.dumps({"n": 9, "wrong": 1, "mistakes": [told]}), "utf-8")
    tab = look(2)
    card = tab.locator("figure.card")
    assert card.inner_text().split("\n")[:2] == ["ring is <b>disc</b>", "0.75 sure"]
    assert tab.evaluate("document.querySelector('.card img').decode().then(() => true)")
    assert tab.locator("text=1 of 9 validation images in the last epoch; the surest first.").count() == 1


def test_it_follows_the_training_until_it_is_told_to_pause(begun, look):
    page, after = begun
    tab = look(1)
    after(2)
    page.update()
    tab.locator("p b", has_text="Stage 2 of 2").wait_for()
    tab.click("#pause")
    assert tab.inner_text("#pause") == "Go on"
    tab.evaluate("window.same = true")
    after(3)
    page.update()
    tab.wait_for_timeout(4000)
    assert tab.evaluate("window.same"), "a page that pauses is not loaded anew"
    tab.click("#pause")
    tab.locator("p b", has_text="epoch 2").wait_for()


def test_the_end_is_said_and_loaded_no_more(begun, look, tab):
    page, after = begun
    after(3)
    page.close(ConfigError("the disk is full"))
    tab.goto(page.path.as_uri())
    assert ": the disk is full. The same command goes on." in tab.inner_text("p.note")
    assert tab.locator("#pause, script").count() == 0
    page.close(KeyboardInterrupt())
    assert ": Ctrl-C. The same command goes on." in page.path.read_text("utf-8")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 768, 390])
def test_the_page_keeps_nobody_out(begun, look, axe, scheme, width):
    look(3).emulate_media(color_scheme=scheme)
    tab = look(3)
    tab.set_viewport_size({"width": width, "height": 900})
    tab.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    assert axe(tab) == []
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_training_writes_it_whole_each_time(shapes, tmp_path, shape_options, capsys):
    page, seen, done = tmp_path / "run" / "live.html", set(), threading.Event()

    def read():
        while not done.is_set():
            if page.is_file():
                text = page.read_text("utf-8")
                seen.add((text.startswith("<!doctype html>"), text.endswith("</html>\n")))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        result = tellapart.train(shapes, out=tmp_path / "run", live=True, **shape_options)
    finally:
        done.set()
        reader.join()
    assert seen == {(True, True)}
    text = page.read_text("utf-8")
    right = round(result["test"]["fine_accuracy"]["value"] * result["test"]["n"])
    assert right < result["test"]["n"]
    assert "put into the right group" in text
    assert "It is done." in text
    assert "<script>" not in text
    assert f"watch it: {page.as_uri()}\n" in capsys.readouterr().err


def test_several_networks_stand_one_below_the_other(shapes, tmp_path, shape_options, monkeypatch):
    options = shape_options | {"ensemble": 2, "stages": [{"train": "all", "epochs": 2}]}
    tellapart.train(shapes, out=tmp_path / "run", live=True, **options)
    text = (tmp_path / "run" / "live.html").read_text("utf-8")
    for number in (1, 2):
        assert f"Network {number} of 2" in text
        assert f"Answered wrong, network {number}" in text


def test_without_it_there_is_no_page_and_with_it_the_same_weights(shapes, tmp_path, shape_options, monkeypatch):
    options = shape_options | {"stages": [{"train": "all", "epochs": 1}]}
    for name in ("plain", "live"):
        tellapart.train(shapes, out=tmp_path / name, live=name == "live", **options)
    both = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("plain", "live")]
    assert both[0] == both[1]
    assert not (tmp_path / "plain" / "live.html").exists()


def test_what_stops_a_training_stands_on_its_page(shapes, tmp_path, shape_options, monkeypatch):
    figures = ClassificationModule.validation_figures

    def failing(self, outputs):
        if self.number and self.current_epoch:
            raise ConfigError("the lamp went out")
        return figures(self, outputs)

    monkeypatch.setattr(ClassificationModule, "validation_figures", failing)
    with pytest.raises(ConfigError, match="the lamp went out"):
        tellapart.train(shapes, out=tmp_path / "run", live=True, **shape_options)
    text = (tmp_path / "run" / "live.html").read_text("utf-8")
    assert "the lamp went out. The same command goes on." in text
    assert "Stage 2 of 2 (all), epoch 1 of at most 3 is done" in text
