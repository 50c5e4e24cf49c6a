"""The windows of a served model that were compared for drift, one after the other: kept, and shown as one page."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tellapart.core.errors import ConfigError
from tellapart.core.files import atomic_file, private_folder
from tellapart.evaluation.drift_page import STYLE, TITLES
from tellapart.viz.html import Html, document, name, table, tag
from tellapart.viz.svg import Axes, dots, line, plot

HISTORY = "history.jsonl"
PAGE = "history.html"
REPORT = "drift.html"  # of the newest window
MOST = 1000  # windows that are kept, and
SHOWN = 100  # that the page shows

Window = Mapping[str, Any]  # what `tellapart.drift` returns, and ``first``, ``last`` (seconds since 1970), ``version``


def read_windows(folder: Path) -> list[dict[str, Any]]:
    """The windows of a model, the oldest first.

    Raises:
        ConfigError: the file is damaged.
    """
    file = folder / HISTORY
    if not file.is_file():
        return []
    try:
        return [json.loads(each) for each in file.read_text(encoding="utf-8").splitlines()]
    except ValueError as error:
        raise ConfigError(f"{file}: damaged; move it away, and a new history begins") from error


def add_window(folder: Path, model: str, window: Window) -> list[dict[str, Any]]:
    """Add a window to a model's history, and write its page anew.

    Args:
        folder: of the history; nobody but its owner may read it.
        model: its name.
        window: the newest.

    Returns:
        All windows, the newest last.
    """
    windows = [*read_windows(folder), dict(window)][-MOST:]
    windows[-1]["in_a_row"] = in_a_row(windows)
    private_folder(folder)
    with atomic_file(folder / HISTORY, private=True) as temporary:
        temporary.write_text("".join(json.dumps(each) + "\n" for each in windows), encoding="utf-8")
    with atomic_file(folder / PAGE, private=True) as temporary:
        temporary.write_text(page(model, windows), encoding="utf-8")
    return windows


def in_a_row(windows: Sequence[Window]) -> int:
    """How many of the newest windows have changed, without one between them that has not.

    >>> in_a_row([{"drift": True}, {"drift": False}, {"drift": True}, {"drift": True}])
    2
    """
    return next((count for count, each in enumerate(reversed(windows)) if not each["drift"]), len(windows))


def page(model: str, windows: Sequence[Window]) -> str:
    """The page's HTML: the verdict, how far each check lay from the reference, and the windows.

    Args:
        model: its name.
        windows: one or more, the newest last.
    """
    shown = windows[-SHOWN:]
    newest = windows[-1]
    row = in_a_row(windows)
    verdict = (
        f"Changed in the last {row} windows." if row > 1
        else "Changed in the newest window." if row
        else "Nothing has changed in the newest window that could be told from chance."
    )  # fmt: skip
    about = (
        f"{len(windows):,} windows of samples, the newest of {newest['n']:,} images until {_when(newest['last'])}. Of "
        f"100 windows without a change, about {100 * newest['alpha']:g} at most are called changed; several in a row "
        "are seldom chance."
    )
    lines = [
        (_when(each["last"]), f"{each['n']:,}", each["version"],
         ", ".join(TITLES[check["check"]].lower() for check in each["checks"] if check["found"]) or "no change")
        for each in reversed(shown)
    ]  # fmt: skip
    changed = [number for number, each in enumerate(reversed(shown)) if each["drift"]]
    body = tag(
        "div",
        tag("main", tag("h1", "Has the input of ", name(model), " changed?"), tag("p", tag("b", verdict)),
            tag("p", about), tag("p", f"The newest window in full: {REPORT} beside this page."),
            tag("section", tag("h2", "How far each window lay from the reference (changed: red)"),
                tag("div", *(_course(check, shown) for check in TITLES if _points(check, shown)), class_="charts")),
            tag("section", tag("h2", "The windows"),
                table(["until (UTC)", "images", "model", "changed"], lines, changed)),
            id="content"),
        class_="whole",
    )  # fmt: skip
    return document("Has the input changed?", body, style=STYLE)


def _points(check: str, windows: Sequence[Window]) -> list[tuple[int, float, bool]]:
    """Number of the window, distance, and whether it is called changed, where the check was made."""
    return [
        (number, each["distance"], each["found"])
        for number, window in enumerate(windows, 1)
        for each in window["checks"]
        if each["check"] == check
    ]


def _course(check: str, windows: Sequence[Window]) -> Html:
    points = _points(check, windows)
    x, y = [float(number) for number, _, _ in points], [distance for _, distance, _ in points]
    axes = Axes((0.0, len(windows) + 1.0), (0.0, max(0.01, *y) * 1.05))
    changed = [(number, distance) for number, distance, found in points if found]
    title = TITLES[check]
    return plot(
        axes, line(axes, x, y),
        dots(axes, [float(number) for number, _ in changed], [distance for _, distance in changed],
             [f"window {number}: {distance:.3f}" for number, distance in changed], "point wrong"),
        across=f"{title.lower()}, by window", up="distance",
        told=f"{title}: {len(changed)} of {len(points)} windows changed, the newest at {y[-1]:.3f}",
    )  # fmt: skip


def _when(seconds: float) -> str:
    """Seconds since 1970 as people read them, UTC.

    >>> _when(0)
    '1970-01-01 00:00'
    """
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")
