"""The page of a training that runs: its curves, what it answers wrong, the time left; it reloads itself."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tellapart.core.errors import pluralize
from tellapart.core.progress import clock
from tellapart.data.catalog import Catalog
from tellapart.evaluation.report.common import headline, learning, percent, tiles
from tellapart.training.run_folder import Run
from tellapart.viz import svg
from tellapart.viz.html import Content, Html, Pictures, card, document, join, name, path_name, table, tag, write_page
from tellapart.viz.html import package_text as text_of

PAGE = "live.html"  # in the run folder
FIGURES = {
    "train_accuracy": "of the training images answered right, as they were shown",
    "train_exact_match": "of the training images read exactly, as they were shown",
    "val_accuracy": "of the validation images answered right",
    "val_exact_match": "of the validation images read exactly",
}
STYLE = "\n".join(
    [svg.STYLE, text_of("tellapart.evaluation.report", "report.css"), text_of("tellapart.pipelines", "live_page.css")]
)

History = list[dict[str, Any]]


class LivePage:
    """Writes ``live.html`` into a run folder, from what lies there.

    Args:
        run: the run.
        catalog: its data, whose pictures are shown.
    """

    def __init__(self, run: Run, catalog: Catalog) -> None:
        self.run, self.catalog = run, catalog
        self.path = run.path / PAGE

    def update(self) -> None:
        """Write the page of a training that runs."""
        self._write(f"As of {time.strftime('%H:%M:%S')}. This page reloads itself.", reloads=True)

    def close(self, error: BaseException | None) -> None:
        """Write the page of a training that has ended."""
        if error is None:
            self._write("It is done.", reloads=False)
        else:
            why = "Ctrl-C" if isinstance(error, KeyboardInterrupt) else str(error) or type(error).__name__
            self._write(f"Stopped at {time.strftime('%H:%M:%S')}: {why}. The same command goes on.", reloads=False)

    def _write(self, state: str, *, reloads: bool) -> None:
        pictures = Pictures(self.catalog)
        body = tag("div", tag("main", *self._content(state, pictures, reloads=reloads), id="content"), class_="whole")
        script = text_of("tellapart.pipelines", "live_page.js") if reloads else ""
        write_page(self.path, document(f"Training {_title(self.run)}", body, style=STYLE, script=script), pictures)

    def _content(self, state: str, pictures: Pictures, *, reloads: bool) -> Iterator[Content]:
        run, metrics, histories = self.run, self.run.metrics(), self.run.histories()
        yield tag("h1", "Training ", name(_title(run)))
        yield tag("p", tag("b", headline(metrics) if metrics else _progress(run, histories)))
        pause = tag("button", "Pause", type="button", id="pause") if reloads else None
        yield tag("p", state, " ", pause, class_="note")
        if metrics:
            yield tiles(metrics)
        elif len(histories) == 1:
            yield _last_epoch(next(iter(histories.values())))
        for member, history in histories.items():
            title = f"Network {int(member) + 1} of {run.count}" if member else "Epochs"
            yield tag("section", tag("h2", title), *_epochs(run, history))
        for member, told in run.mistakes().items():
            of = f", network {int(member) + 1}" if member else ""
            yield tag("section", tag("h2", f"Answered wrong{of}"), _mistakes(told, pictures))
        yield tag("section", tag("h2", "What is trained"), _described(run, self.catalog))


def _title(run: Run) -> str:
    return run.path.resolve().name


def _progress(run: Run, histories: Mapping[str, History]) -> str:
    """How far it is, in a sentence."""
    if run.finished:
        return "The weights are there; they are packed and tested."
    if not histories:
        return "No epoch is done yet; the images are decoded first."
    if run.count > 1:
        return f"{pluralize(run.count, 'network')} learn; below, each by itself."
    return _stage(run, next(iter(histories.values())))


def _stage(run: Run, history: History) -> str:
    """Where a network is in its stages, and how long this one still takes."""
    stages = run.config.stages or []
    last = history[-1]
    stage = stages[last["stage"]]
    place = f"Stage {last['stage'] + 1} of {len(stages)} ({stage.train})"
    if stage.train == "solve":
        return f"{place}: its head is set."
    seconds = [line["seconds"] for line in history if line["stage"] == last["stage"]]
    left = (stage.epochs - last["epoch"]) * sum(seconds) / len(seconds)
    more = [f"{each.train}, up to {pluralize(each.epochs, 'epoch')}" for each in stages[last["stage"] + 1 :]]
    then = f" Then: {'; '.join(more)}." if more else ""
    return f"{place}, epoch {last['epoch']} of at most {stage.epochs} is done; at most {clock(left)} left in it.{then}"


def _last_epoch(history: History) -> Html:
    last = history[-1]
    shown = [(percent(last[key]), what) for key, what in FIGURES.items() if key in last]
    shown += [(f"{last[key]:.4g}", f"loss of {what}") for key, what in
              (("train_loss", "training"), ("val_loss", "validation")) if key in last]  # fmt: skip
    shown.append((clock(last["seconds"]), "took the last epoch"))
    return tag("div", *(tag("div", tag("b", value), what, class_="tile") for value, what in shown), class_="tiles")


def _epochs(run: Run, history: History) -> Iterator[Content]:
    if run.count > 1 and not run.finished:
        yield tag("p", _stage(run, history))
    yield learning(history)
    columns = [key for key in dict.fromkeys(key for line in history for key in line) if key not in ("stage", "epoch")]
    lines = [
        [f"{line['stage'] + 1}.{line['epoch']}", *(f"{line[key]:.4g}" if key in line else "" for key in columns)]
        for line in reversed(history)
    ]
    heads = ["stage.epoch", *(key.replace("_", " ") for key in columns)]
    yield tag("details", tag("summary", pluralize(len(history), "epoch")), table(heads, lines), open=len(history) < 2)


def _mistakes(told: dict[str, Any], pictures: Pictures) -> Html:
    if not told["wrong"]:
        return tag("p", f"None of {told['n']:,} validation images in the last epoch.")
    said = f"{told['wrong']:,} of {told['n']:,} validation images in the last epoch; the surest first."
    cards = [
        card(
            pictures.show(each["row"], 200, 144),
            tag("span", tag("b", name(each["answer"] or "nothing"), class_="bad"), " is ",
                tag("b", name(each["truth"] or "nothing"))),
            tag("span", f"{each['confidence']:.2f} sure"),
            tag("span", path_name(pictures.files[each["row"]]), class_="file"),
        )
        for each in told["mistakes"]
    ]  # fmt: skip
    return join([tag("p", said, class_="note"), tag("div", *cards, class_="cards wide")])


def _described(run: Run, catalog: Catalog) -> Html:
    config = run.config
    parts = [f"{pluralize(len(catalog.rows(part)), 'image')} {part}" for part in ("train", "val", "test")]
    kind, plural = ("text", None) if config.task == "read" else ("class", "classes")
    rows: dict[str, Content] = {
        "data": name(catalog.source),
        "parts": ", ".join(parts),
        "task": f"{config.task}, {pluralize(len(catalog.labels), kind, plural)}",
        "network": f"{config.backbone}, {config.height} px high",
        "augmentation": config.augment or "none",
        "run": name(str(Path(run.path).resolve())),
    }
    cells = [cell for key, value in rows.items() for cell in (tag("dt", key), tag("dd", value))]
    return tag("dl", *cells, class_="about")
