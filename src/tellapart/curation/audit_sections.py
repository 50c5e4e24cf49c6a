"""The sections of the audit's page about single checks: what a check found, its pictures, and what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from tellapart.core.errors import pluralize
from tellapart.curation.findings import Finding, Findings
from tellapart.curation.guidance import GUIDANCE, has_findings, number_copies, short_reason
from tellapart.viz.charts import bars
from tellapart.viz.html import Content, Html, Pictures, card, cards, join, name, path_name, tag

MOST_IMAGES = 60  # shown of one check,
MOST_GROUPS = 36  # groups of copies,
MOST_OF_A_GROUP = 6  # images of one


class CheckSections:
    """Renders the section of each check.

    Args:
        findings: what the audit found.
        pictures: the page's pictures, which the sections ask for.
    """

    def __init__(self, findings: Findings, pictures: Pictures) -> None:
        self.findings, self.catalog, self.pictures = findings, findings.catalog, pictures
        self.files, self.labels = self.catalog.column("file"), self.catalog.column("label")
        self.reads = self.catalog.task == "read"
        self.rows = self.catalog.rows()

    def render(self, check: Finding) -> Html:
        """Return what stands below a check's title."""
        guidance = GUIDANCE.get(check.check)
        entries: list[Content] = [_entry("Found", f"{check.sentence}.")]
        if check.why:
            share = f"{pluralize(len(check.why), 'image')}, {len(check.why) / max(len(self.catalog), 1):.1%} of the set"
            entries.append(_entry("Flagged", share))
        if guidance and guidance.threshold and check.threshold is not None:
            entries.append(
                _entry(
                    "Threshold", f"{guidance.threshold.format(check.threshold, power=10 ** min(check.threshold, 9))}."
                )
            )
        if evidence := check.facts.get("evidence"):
            entries.append(_entry("Judged by", f"{evidence}."))
        gallery = _GALLERIES.get(check.check, CheckSections._gallery)
        return join([
            tag("p", guidance.asks) if guidance else None, tag("dl", *entries, class_="about"),
            tag("p", tag("strong", "What to do: "), guidance.do, class_="do") if guidance else None,
            gallery(self, check),
        ])  # fmt: skip

    def _show(self, row: int) -> Html:
        return self.pictures.show(row, 198 if self.reads else 144, 144)

    def image_card(self, row: int, *lines: Content) -> Html:
        """Return an image with its label, lines of text, and its file."""
        return card(self._show(row), tag("b", name(self.labels[row])), *lines,
                    tag("span", path_name(self.files[row]), class_="file"))  # fmt: skip

    def card_grid(self, parts: Sequence[Html] | Content) -> Html:
        """Return cards in as many columns as fit."""
        return cards([join([parts])], class_="cards wide" if self.reads else "cards")

    def _gallery(self, check: Finding) -> Html:
        """Return the flagged images, worst first."""
        shown = check.flags[:MOST_IMAGES]
        same = len(set(check.why.values())) == 1 and len(shown) > 1  # a reason that all share is shown once
        cards = [self.image_card(row, None if same else tag("span", short_reason(check, row))) for row in shown]
        return join([
            tag("p", f"All of them: {check.why[shown[0]]}.", class_="note") if same else None,
            self.card_grid(cards),
            _more(len(check.why) - len(shown), "image"),
        ])  # fmt: skip

    def _groups(self, check: Finding) -> Html:
        """Return groups of copies. The least alike come first, as they show whether the threshold is right."""
        groups = sorted(check.groups, key=lambda group: min(check.score.get(row, 1.0) for row in group))
        parts = []
        for group in groups[:MOST_GROUPS]:
            shown = group[:MOST_OF_A_GROUP]
            left = len(group) - len(shown)
            parts.append(tag(
                "div", *(self.image_card(row, tag("span", self._copy(check, group, row))) for row in shown),
                tag("span", f"and {left:,} more", class_="note") if left else None,
                class_="group wide" if self.reads else "group", role="group",
                aria_label=f"{len(group)} copies",
            ))  # fmt: skip
        note = "The least alike come first: judge the threshold by them." if check.check == "near_duplicates" else None
        return join([
            tag("p", note, class_="note") if note else None,
            tag("div", *parts, class_="groups"), _more(len(groups) - len(parts), "group"),
        ])  # fmt: skip

    def _copy(self, check: Finding, group: Sequence[int], row: int) -> Content:
        """Return what was done to a copy. The copies beside it are named by their number."""
        why = check.why.get(row)
        if check.check == "conflicting_labels":
            return None  # the labels stand under the pictures, and that is all there is to say
        if check.check == "split_leaks":
            return f"in {self.catalog.column('split')[row] or 'no part'}"
        if row == group[0] or why is None:
            return tag("span", "keep", class_="badge fine")
        return number_copies(why, [self.files[other] for other in group])

    def _readings(self, check: Finding) -> Html:
        """Return doubted labels, each with a good example of the given class and of the predicted one."""
        looks_like = check.facts.get("looks_like", {})
        example = self._examples()
        parts = []
        for row in check.flags[:MOST_IMAGES]:
            label, predicted = self.labels[row], looks_like.get(self.files[row])
            also = [
                tag("div", self.pictures.show(example[each], 60) if each in example else None, class_="pic")
                + tag("div", tag("span", what), tag("b", name(each)))
                for what, each in (("labelled", label), ("looks like", predicted)) if each is not None
            ]  # fmt: skip
            parts.append(tag(
                "div", tag("div", tag("div", self._show(row), class_="pic"), class_="card"),
                tag("div", *map(Html, also), tag("span", f"doubt {check.score.get(row, 0):.2f} · ",
                                                 path_name(self.files[row]), class_="file"), class_="also"),
                class_="reading",
            ))  # fmt: skip
        return join([
            tag("p", "Left: the doubted image. Right: a good example of either class.", class_="note"),
            cards(parts, class_="cards pairs"), _more(len(check.why) - len(parts), "image"),
        ])  # fmt: skip

    def _examples(self) -> dict[str, int]:
        """Return for each class its least suspicious image: fewest flags, then the least doubted label."""
        doubt = self.findings.checks["label_errors"].score
        flagged_checks = [check for check in self.findings.checks.values() if has_findings(check)]
        flagged = Counter(row for check in flagged_checks for row in check.why)
        best: dict[str, int] = {}
        for row in sorted(self.rows, key=lambda row: (flagged[row], doubt.get(row, 1.0), row)):
            best.setdefault(self.labels[row], row)
        return best

    def _one_source(self, check: Finding) -> Html:
        return join([tag("ul", *(tag("li", sentence) for sentence in check.facts.get("classes", {}).values()))])

    def _tiny(self, check: Finding) -> Html:
        counts = Counter(self.labels[row] for row in self.rows)
        tiny = sorted(((label, counts[label]) for label in check.facts.get("classes", ())), key=lambda item: item[1])
        return join([bars(tiny, "images a class"), self._gallery(check)])

    def _rare(self, check: Finding) -> Html:
        counts = check.facts.get("characters", {})
        rare = [
            (visible_character(character), number)
            for character, number in counts.items()
            if number < (check.threshold or 0)
        ]
        return join([bars(rare, "occurrences a character"), self._gallery(check)])

    def _link_to_classes(self, check: Finding) -> Html:
        return tag("p", tag("a", "The counts of all classes", href="#classes"), " are further down.")


_GALLERIES: dict[str, Callable[[CheckSections, Finding], Html]] = {
    "exact_duplicates": CheckSections._groups,
    "near_duplicates": CheckSections._groups,
    "conflicting_labels": CheckSections._groups,
    "split_leaks": CheckSections._groups,
    "label_errors": CheckSections._readings,
    "one_source": CheckSections._one_source,
    "tiny_classes": CheckSections._tiny,
    "rare_characters": CheckSections._rare,
    "class_imbalance": CheckSections._link_to_classes,
}


def visible_character(character: str) -> str:
    """Return a character as it can be seen on a page.

    >>> visible_character(" "), visible_character("a"), visible_character(chr(7))
    ('space', 'a', 'U+0007')
    """
    return "space" if character == " " else character if character.isprintable() else f"U+{ord(character):04X}"


def _entry(term: str, description: str) -> Html:
    return join([tag("dt", term), tag("dd", description)])


def _more(left: int, what: str) -> Html | None:
    return (
        tag("p", f"{pluralize(left, 'more ' + what)} not shown; the audit's folder names all of them.")
        if left
        else None
    )
