"""The page on which a person looks over what is going to be put aside, and writes down what should be otherwise."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from tellapart.core.errors import pluralize
from tellapart.curation.audit_page import check_title, number_copies, short_reason
from tellapart.curation.findings import Findings
from tellapart.curation.guidance import GUIDANCE
from tellapart.viz.html import (
    Content,
    Html,
    Pictures,
    card,
    cards,
    document,
    name,
    path_name,
    spread,
    tag,
    write_page,
)

MOST = 5000  # images on one page: beyond that a browser becomes slow, and a person sooner
UNREADABLE = "unreadable"
COPIES = ("exact_duplicates", "near_duplicates", "conflicting_labels", "split_leaks")
RELABEL = ("label_errors", "conflicting_labels", "unemittable", "rare_characters", "odd_length")

# The script reads the page's own controls, so that a reload that brings back what was chosen brings back the count.
SCRIPT = r"""
'use strict';
const items = Array.from(document.querySelectorAll('.item'));
const aside = item => item.querySelector('input[value="false"]').checked;
const label = item => { const field = item.querySelector('.label'); return field ? field.value.trim() : ''; };
const relabelled = item => label(item) !== '' && label(item) !== item.dataset.label;
const changed = item => !aside(item) || relabelled(item);
const quoted = text => '"' + text.replaceAll('"', '""') + '"';
const line = item => [item.dataset.file, aside(item) ? 'false' : 'true', relabelled(item) ? label(item) : '']
  .map(quoted).join(',');
let saved = '';
function csv() { return ['file,keep,label', ...items.filter(changed).map(line)].join('\r\n') + '\r\n'; }
function counted() {
  const number = items.filter(changed).length;
  items.forEach(item => item.classList.toggle('changed', changed(item)));
  document.getElementById('count').textContent = number === 1 ? '1 image changed' : number + ' images changed';
  document.getElementById('save').disabled = number === 0;
}
document.addEventListener('input', event => {
  const item = event.target.closest('.item');
  if (item && event.target.matches('.label') && relabelled(item)) {
    item.querySelector('input[value="true"]').checked = true;
  }
  counted();
});
document.addEventListener('click', event => {
  const all = event.target.closest('[data-all]');
  if (!all) return;
  const chosen = 'input[value="' + all.dataset.all + '"]';
  all.closest('section').querySelectorAll(chosen).forEach(one => { one.checked = true; });
  counted();
});
document.getElementById('save').addEventListener('click', () => {
  const link = document.createElement('a');
  saved = csv();
  link.href = URL.createObjectURL(new Blob([saved], {type: 'text/csv;charset=utf-8'}));
  link.download = 'corrections.csv';
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
});
window.addEventListener('beforeunload', event => {
  if (items.some(changed) && csv() !== saved) event.preventDefault();
});
window.addEventListener('pageshow', counted);
counted();
"""

STYLE = """
.bar { position: sticky; top: 0; z-index: 2; background: var(--ground); border-bottom: 1px solid var(--line);
  display: flex; flex-wrap: wrap; gap: .4rem 1rem; align-items: center; padding: .6rem 0; margin: .8rem 0 }
.bar + section, noscript + section { border: 0; margin-top: 0 }
button { font: inherit; font-size: .875rem; padding: .35rem .8rem; border-radius: .4rem; border: 1px solid var(--line);
  background: var(--panel); color: var(--text); cursor: pointer } button:disabled { opacity: .5; cursor: default }
#save:enabled { background: var(--accent); border-color: var(--accent); color: var(--ground); font-weight: 600 }
.all { display: flex; flex-wrap: wrap; gap: .5rem; margin: .6rem 0 .9rem }
.groups + .cards { margin-top: .8rem } .group { gap: .2rem; padding: .3rem }
.cards.review { grid-template-columns: repeat(auto-fill, minmax(148px, 1fr)) }
.cards.review.wide { grid-template-columns: repeat(auto-fill, minmax(214px, 1fr)) }
.item, .stays { padding: .4rem; border: 2px solid transparent; border-radius: .5rem; display: flex;
  flex-direction: column; content-visibility: auto; contain-intrinsic-size: auto 140px auto 260px }
.item .pic, .stays .pic { height: 108px; flex: none }
.item figcaption { flex: 1; display: flex; flex-direction: column }
.group .item, .group .stays { width: 136px } .group.wide .item, .group.wide .stays { width: 214px }
.item.changed { border-color: var(--accent); background: var(--blue-ground) }
.item fieldset { border: 0; margin: auto 0 0; padding: .35rem 0 0; min-width: 0 }
.item label { display: flex; gap: .35rem; align-items: center; min-height: 1.7rem; cursor: pointer }
.item input { accent-color: var(--accent); margin: 0 }
.item .label { font: inherit; width: 100%; padding: .25rem .4rem; margin-top: .25rem; border: 1px solid var(--line);
  border-radius: .3rem; background: var(--ground); color: var(--text) }
@media (max-width: 430px) { .cards.review { grid-template-columns: repeat(2, minmax(0, 1fr)) }
  .group .item, .group .stays { width: calc(50% - .1rem) } .group.wide .item, .group.wide .stays { width: 100% }
  .cards.review.wide { grid-template-columns: repeat(auto-fill, minmax(160px, 1fr)) } }
"""


def write_review(findings: Findings, decisions: Mapping[int, str], path: Path) -> None:
    """Write the page that shows every image that is to be put aside, with a way to decide otherwise.

    Its button saves ``corrections.csv`` (``file,keep,label``) with those rows that a person changed, for
    `tellapart.clean`; nothing leaves the page otherwise.

    Args:
        findings: the audit that the decisions stand on.
        decisions: row → why it is put aside, beginning with the check's name and a colon.
        path: the file; one that is there is replaced.
    """
    page = _Review(findings, decisions)
    write_page(Path(path), page.text(), page.pictures)


class _Review:
    """The review of one audit's decisions."""

    def __init__(self, findings: Findings, decisions: Mapping[int, str]) -> None:
        self.findings, self.decisions = findings, decisions
        self.catalog = findings.catalog
        self.files, self.labels = self.catalog.column("file"), self.catalog.column("label")
        self.wide = self.catalog.task == "read"
        self.pictures = Pictures(self.catalog)
        self.split = self.catalog.column("split")

    def text(self) -> str:
        """The page, its pictures still to be filled in."""
        reasons: dict[str, list[int]] = defaultdict(list)
        for row in sorted(self.decisions):
            reasons[self._check(row)].append(row)
        shown = _fair({check: len(rows) for check, rows in reasons.items()}, MOST)
        sections = [self._section(check, rows, shown[check]) for check, rows in reasons.items()]
        n, seen = len(self.decisions), sum(shown.values())
        lead = f"{pluralize(n, 'image')} of {len(self.catalog):,} will not be used. No file is deleted."
        if n > seen:
            lead += f" {seen:,} are shown here, spread over all reasons; the others are put aside too."
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
        """The reason in one word: the check that the decision names, or the first that flagged the row."""
        first = self.decisions[row].split(":")[0]
        # A copy with another label is to be seen beside it, whichever check spoke first.
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
        buttons = [
            tag("button", told, type="button", data_all=value)
            for value, told in (("true", "Keep all of these"), ("false", "Put all of these aside"))
        ]
        return tag(
            "section", tag("h2", what), tag("p", f"{pluralize(len(rows), 'image')}.", class_="note"),
            tag("p", GUIDANCE[check].asks) if check in GUIDANCE else None,
            tag("div", *buttons, class_="all") if check != UNREADABLE else None,
            tag("div", *(self._copies(check, *group) for group in groups), class_="groups") if groups else None,
            cards(alone, class_="cards review wide" if self.wide else "cards review") if alone else None,
            tag("p", f"{pluralize(len(rows) - len(shown), 'more image')} not shown.") if len(shown) < len(rows) else None,
            id=check, aria_label=what,
        )  # fmt: skip

    def _groups(self, check: str, shown: Sequence[int]) -> list[tuple[list[int], int | None]]:
        """The shown rows that are copies of each other, and of each group the one that stays, where one does."""
        here = set(shown)
        found = []
        for group in self.findings.checks[check].groups if check in COPIES and check in self.findings.checks else ():
            members = [row for row in group if row in here]
            here -= set(members)
            if members:
                found.append((members, next((row for row in group if row not in self.decisions), None)))
        return found

    def _copies(self, check: str, rows: Sequence[int], peer: int | None) -> Html:
        """Copies that go beside the one that stays."""
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
        """An image that goes, with the controls to decide otherwise."""
        first, _, told = self.decisions[row].partition(": ")
        why: str | None = number_copies(told, beside) if first in self.findings.checks else self.decisions[row]
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


def _fair(wanted: Mapping[str, int], most: int) -> dict[str, int]:
    """So much of each that all fit: small reasons whole, large ones cut alike.

    >>> _fair({"a": 900, "b": 10, "c": 700}, 1000)
    {'b': 10, 'c': 495, 'a': 495}
    """
    given = {}
    for place, (check, number) in enumerate(sorted(wanted.items(), key=lambda item: item[1])):
        given[check] = min(number, most // (len(wanted) - place))
        most -= given[check]
    return given
