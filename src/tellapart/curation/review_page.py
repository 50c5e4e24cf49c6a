"""The review page: a person looks through the images that a policy drops, and saves corrections."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from tellapart.core.errors import pluralize
from tellapart.curation.findings import Findings
from tellapart.curation.guidance import GUIDANCE, check_title, number_copies, short_reason
from tellapart.viz.html import (
    SAVE_CSV,
    Content,
    Html,
    Pictures,
    card,
    cards,
    document,
    name,
    package_text,
    path_name,
    spread,
    tag,
    write_page,
)

MOST = 5000  # images on one page: beyond that a browser becomes slow, and a person sooner
UNREADABLE = "unreadable"
COPIES = ("exact_duplicates", "near_duplicates", "conflicting_labels", "split_leaks")
RELABEL = ("label_errors", "conflicting_labels", "unemittable", "rare_characters", "odd_length")

# The script reads the page's controls. A browser restores these after Back, and with them the count.
SCRIPT = SAVE_CSV + package_text("tellapart.curation", "review_page.js")
STYLE = "\n" + package_text("tellapart.curation", "review_page.css")


def write_review(findings: Findings, decisions: Mapping[int, str], path: Path) -> None:
    """Write the page that shows every dropped image, with controls to keep it or to give it another label.

    Its button saves ``corrections.csv`` (``file,keep,label``) for `tellapart.clean`. It holds the rows that a person
    changed. The page sends nothing anywhere.

    Args:
        findings: the audit that the decisions are based on.
        decisions: dropped row → its reason, which begins with the check's name and a colon.
        path: the file; an existing one is replaced.
    """
    page = _Review(findings, decisions)
    write_page(Path(path), page.text(), page.pictures)


class _Review:
    """Builds the review of one audit's decisions."""

    def __init__(self, findings: Findings, decisions: Mapping[int, str]) -> None:
        self.findings, self.decisions = findings, decisions
        self.catalog = findings.catalog
        self.files, self.labels = self.catalog.column("file"), self.catalog.column("label")
        self.wide = self.catalog.task == "read"
        self.pictures = Pictures(self.catalog)
        self.split = self.catalog.column("split")

    def text(self) -> str:
        """Return the page with placeholders for its pictures."""
        reasons: dict[str, list[int]] = defaultdict(list)
        for row in sorted(self.decisions):
            reasons[self._check(row)].append(row)
        shown = share_out({check: len(rows) for check, rows in reasons.items()}, MOST)
        sections = [self._section(check, rows, shown[check]) for check, rows in reasons.items()]
        n, n_shown = len(self.decisions), sum(shown.values())
        lead = f"{pluralize(n, 'image')} of {len(self.catalog):,} will not be used. No file is deleted."
        if n > n_shown:
            lead += f" {n_shown:,} are shown here, spread over all reasons; the others are put aside too."
        lead += (
            " Decide otherwise where you know better, save corrections.csv, and run tellapart clean again with"
            " --corrections corrections.csv."
        )
        if not n:
            lead = "No image is put aside: there is nothing to review."
        controls = [
            tag("div", tag("span", "0 images changed", id="count", role="status"),
                tag("button", "Save corrections.csv", id="save", type="button", disabled=True), class_="bar"),
            tag("noscript", tag("p", "This page needs JavaScript to save what you decide.")),
        ]  # fmt: skip
        links = [
            tag(
                "li", tag("a", check_title(check), href=f"#{check}"), tag("span", f"\u00a0{len(rows):,}", class_="many")
            )
            for check, rows in reasons.items()
        ]
        classes = [] if self.wide else sorted({str(label) for label in self.labels})
        options = tag("datalist", *(tag("option", value=label) for label in classes), id="classes")
        body = tag(
            "div", tag("h1", "What is put aside"), tag("p", lead),
            tag("nav", tag("ol", *links), aria_label="Reasons") if links else None,
            tag("main", *(controls if n else []), *sections, options, id="content"), class_="whole",
        )  # fmt: skip
        return document("What is put aside", body, style=STYLE, script=SCRIPT if n else "")

    def _check(self, row: int) -> str:
        """Return the check under which a row is shown: that of its reason, or the first that flagged it."""
        first = self.decisions[row].split(":")[0]
        # A copy with another label is shown beside it, whichever check gave the reason.
        disagreeing = self.findings.checks.get("conflicting_labels")
        if first in COPIES and disagreeing is not None and row in disagreeing.why:
            return "conflicting_labels"
        if first in self.findings.checks:
            return first
        flagged = (check for check, finding in self.findings.checks.items() if row in finding.why)
        return next(flagged, "other-reasons")

    def _section(self, check: str, rows: Sequence[int], most: int) -> Html:
        finding = self.findings.checks.get(check)
        flags = finding.flags if finding is not None else []
        place = {row: number for number, row in enumerate(flags)}
        shown = spread(sorted(rows, key=lambda row: place.get(row, len(place))), most)
        groups = self._groups(check, shown)
        grouped = {row for group, _ in groups for row in group}
        alone = [self._item(check, row) for row in shown if row not in grouped]
        what = check_title(check) if finding is not None else "Other reasons"
        n_left = len(rows) - len(shown)
        buttons = [
            tag("button", text, type="button", data_all=value)
            for value, text in (("true", "Keep all of these"), ("false", "Put all of these aside"))
        ]
        return tag(
            "section", tag("h2", what), tag("p", f"{pluralize(len(rows), 'image')}.", class_="note"),
            tag("p", GUIDANCE[check].asks) if check in GUIDANCE else None,
            tag("div", *buttons, class_="all") if check != UNREADABLE else None,
            tag("div", *(self._copies(check, *group) for group in groups), class_="groups") if groups else None,
            cards(alone, class_="cards review wide" if self.wide else "cards review") if alone else None,
            tag("p", f"{pluralize(n_left, 'more image')} not shown.") if n_left else None,
            id=check, aria_label=what,
        )  # fmt: skip

    def _groups(self, check: str, shown: Sequence[int]) -> list[tuple[list[int], int | None]]:
        """Return groups of shown copies, each with the copy that stays, or None where all of them go."""
        remaining = set(shown)
        groups = []
        for group in self.findings.checks[check].groups if check in COPIES and check in self.findings.checks else ():
            members = [row for row in group if row in remaining]
            remaining -= set(members)
            if members:
                groups.append((members, next((row for row in group if row not in self.decisions), None)))
        return groups

    def _copies(self, check: str, rows: Sequence[int], peer: int | None) -> Html:
        """Return copies as one group: the one that stays, if any, and those that go."""
        stays = None
        if peer is not None:
            badge = tag("span", tag("span", "stays", class_="badge fine"))
            stays = card(
                self._show(peer), tag("b", name(self.labels[peer])), badge,
                self._part(check, peer), tag("span", path_name(self.files[peer]), class_="file"), class_="card stays",
            )  # fmt: skip
        beside = [self.files[row] for row in (rows if peer is None else [peer, *rows])]
        items = [self._item(check, row, beside) for row in rows]
        return tag("div", stays, *items, class_="group wide" if self.wide else "group", role="group",
                   aria_label="copies of each other")  # fmt: skip

    def _part(self, check: str, row: int) -> Html | None:
        return tag("span", f"in {self.split[row] or 'no part'}") if check == "split_leaks" else None

    def _item(self, check: str, row: int, beside: Sequence[str] = ()) -> Html:
        """Return a dropped image with the controls to keep it or to give it another label."""
        first, _, reason = self.decisions[row].partition(": ")
        why: str | None = number_copies(reason, beside) if first in self.findings.checks else self.decisions[row]
        if first == "conflicting_labels" and len(beside) > 1:
            why = None  # the labels stand under the pictures
        elif first == "off_domain" and row in self.findings.checks[first].why:
            why = short_reason(self.findings.checks[first], row)
        lines: list[Content] = [
            tag("b", name(self.labels[row])),
            tag("span", why) if why else None,
            self._part(check, row),
            tag("span", path_name(self.files[row]), class_="file"),
        ]
        if check == UNREADABLE:  # nobody can decide otherwise
            return card(self._show(row), *lines)
        field: Content = None
        if check in RELABEL:
            field = tag("input", class_="label", type="text", list=None if self.wide else "classes", autocomplete="off",
                        placeholder="new label", aria_label=f"new label of {self.files[row]}")  # fmt: skip
        choices = [
            tag("label", tag("input", type="radio", name=f"r{row}", value=value, checked=value == "false"), what)
            for value, what in (("true", "keep"), ("false", "put aside"))
        ]
        return card(
            self._show(row), *lines,
            tag("fieldset", *choices, field, aria_label=f"{self.labels[row]}: {self.files[row]}"),
            class_="card item", data_file=self.files[row], data_label=self.labels[row],
        )  # fmt: skip

    def _show(self, row: int) -> Html:
        return self.pictures.show(row, 192 if self.wide else 96, 96)


def share_out(counts: Mapping[str, int], most: int) -> dict[str, int]:
    """Share out a number of places over reasons: small ones get all they need, large ones equal parts.

    Args:
        counts: reason → number of its images.
        most: places for all reasons together.

    Returns:
        Reason → number of images to show.


    >>> share_out({"a": 900, "b": 10, "c": 700}, 1000)
    {'b': 10, 'c': 495, 'a': 495}
    """
    shares = {}
    for place, (check, number) in enumerate(sorted(counts.items(), key=lambda item: item[1])):
        shares[check] = min(number, most // (len(counts) - place))
        most -= shares[check]
    return shares
