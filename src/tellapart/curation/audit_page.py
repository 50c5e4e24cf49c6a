"""The audit as one HTML page: an overview, a section for each check that found something, and the whole set."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

from tellapart.core.errors import pluralize
from tellapart.curation.audit_sections import CheckSections, visible_character
from tellapart.curation.findings import Finding, Findings
from tellapart.curation.guidance import (
    BADGES,
    LOOK,
    MEND,
    check_level,
    check_subject,
    check_title,
    has_findings,
    urgency,
)
from tellapart.viz.charts import bars, scatter
from tellapart.viz.html import (
    Html,
    Pictures,
    document,
    join,
    name,
    spread,
    tag,
    write_page,
)

MOST_CLASSES = 40  # classes with a strip of samples,
SAMPLES = 8  # images in it, and
MOST_TEXTS = 48  # images of a reading set


def write_report(findings: Findings, path: Path) -> None:
    """Write an audit as one self-contained HTML file, whole or not at all.

    Args:
        findings: what the audit found. Images whose files are gone are shown as missing.
        path: the file; an existing one is replaced.
    """
    page = _Page(findings)
    write_page(Path(path), page.text(), page.pictures)


class _Page:
    """Builds the report of one audit."""

    def __init__(self, findings: Findings) -> None:
        self.findings, self.catalog = findings, findings.catalog
        self.pictures = Pictures(self.catalog)
        self.sections = CheckSections(findings, self.pictures)
        self.files, self.labels = self.catalog.column("file"), self.catalog.column("label")
        self.reads = self.catalog.task == "read"
        self.kind, self.kinds = ("tag", "tags") if self.catalog.task == "tag" else ("class", "classes")
        self.rows = self.catalog.rows()
        checks = list(findings.checks.values())
        self.flagged_checks = sorted((check for check in checks if has_findings(check)), key=urgency)
        rest = [check for check in checks if not has_findings(check)]
        self.unjudged = [check for check in rest if not check.judged]
        self.fine = [check for check in rest if check.judged]

    def text(self) -> str:
        """Return the page with placeholders for its pictures."""
        sections = [("sizes", "Sizes and shapes", None, self._sizes())]
        if self.reads:
            sections += [("texts", "Texts", None, self._texts()), ("samples", "Samples", None, self._read_samples())]
        else:
            sections += [("classes", f"Images a {self.kind}", None, self._classes()),
                         ("samples", f"Samples of the {self.kinds}", None, self._class_samples())]  # fmt: skip
        flagged = [
            (check.check, check_title(check.check), self._count(check), self.sections.render(check))
            for check in self.flagged_checks
        ]
        places = [("overview", "Overview", None), *((key, what, many) for key, what, many, _ in [*flagged, *sections])]
        links = [
            tag("li", tag("a", what, href=f"#{key}"), tag("span", f"\u00a0{many}", class_="many") if many else None)
            for key, what, many in places
        ]
        source = Path(str(self.findings.about.get("data") or self.catalog.source)).name or "data"
        body = tag(
            "div", tag("nav", tag("ol", *links), aria_label="Contents"),
            tag("main", self._overview(source), *(
                tag("section", tag("h2", what, _badge(level) if level else None), content, id=key, aria_label=what)
                for (key, what, _, content), level in [
                    *((entry, check_level(check)) for entry, check in zip(flagged, self.flagged_checks, strict=True)),
                    *((entry, None) for entry in sections),
                ]
            ), id="content"),
            class_="whole with-nav",
        )  # fmt: skip
        return document(f"Audit of {source}", body)

    # --- the whole set

    def _overview(self, source: str) -> Html:
        classes = len({each for row in self.rows for each in self.catalog.labels_in(self.labels[row])})
        flagged = {row for check in self.flagged_checks for row in check.why}
        n = len(self.catalog)
        tiles = [
            _tile(f"{n:,}", "image" if n == 1 else "images"),
            _tile(f"{classes:,}", "different texts" if self.reads else self.kind if classes == 1 else self.kinds),
            _tile(f"{len(flagged):,}", f"flagged by a check ({len(flagged) / max(n, 1):.0%})"),
            _tile(f"{len(self.flagged_checks)} of {len(self.findings.checks)}", "checks found something"),
        ]
        if self.flagged_checks:
            first = [
                tag("li", _badge(check_level(check)),
                    tag("span", tag("a", check_title(check.check), href=f"#{check.check}"), ": ", check.sentence, "."))
                for check in self.flagged_checks
            ]  # fmt: skip
            todo = join([tag("h3", "What deserves attention, most urgent first"), tag("ol", *first, class_="todo")])
        else:
            todo = tag("p", tag("strong", "Nothing was found that deserves attention."))
        fine = ", ".join(check_subject(check) for check in self.fine)
        evidence = str(self.findings.about.get("evidence", "pixels"))
        how = "pixels alone, without a network that has learnt on other pictures" if evidence == "pixels" else evidence
        notes = self.findings.about.get("notes") or []
        return tag(
            "div", tag("h1", "Audit of ", name(source)),
            tag("p", self._headline(), class_="lead"),
            tag("div", *tiles, class_="tiles"), todo,
            tag("p", _badge("fine", "fine"), f" Looked for and not found: {fine}.") if fine else None,
            *(tag("p", f"Not looked for: {check_subject(check)} ({check.facts['not_judged']}).")
              for check in self.unjudged),
            *(tag("p", f"Not looked at for {check_subject(check)}: {check.facts['left_out']}.")
              for check in self.findings.checks.values() if check.judged and "left_out" in check.facts),
            *(tag("p", "Note: ", str(note), class_="note") for note in notes),
            tag("p", f"Judged by {how}. No file was changed. A flag is a question to a person, not a verdict.",
                class_="note"),
            id="overview",
        )  # fmt: skip

    def _headline(self) -> str:
        mend = [check_subject(check) for check in self.flagged_checks if check_level(check) == MEND]
        look = [check_subject(check) for check in self.flagged_checks if check_level(check) == LOOK]
        if mend:
            return f"Mend before training: {_enumerate(mend)}. Everything else can wait." if not look else (
                f"Mend before training: {_enumerate(mend)}. Then look at: {_enumerate(look)}."
            )  # fmt: skip
        if look:
            return f"Nothing here stands in the way of training. Worth a look: {_enumerate(look)}."
        return "This set can be trained on as it is."

    def _sizes(self) -> Html:
        widths, heights = self.catalog.column("width"), self.catalog.column("height")
        sizes = Counter((widths[row], heights[row]) for row in self.rows)
        if not sizes:
            return tag("p", "No image could be decoded.")
        if len(sizes) == 1:
            (width, height), _ = next(iter(sizes.items()))
            return tag("p", f"{'The image is' if len(self.rows) == 1 else 'All images are'} {width:,} × {height:,} px.")
        odd = {row for check in ("odd_size", "odd_aspect") if check in self.findings.checks
               for row in self.findings.checks[check].why}  # fmt: skip
        sides = sorted(max(size) for size in sizes.elements())
        shapes = Counter(_aspect_name(width / height) for width, height in sizes.elements())
        sentence = (
            f"The longer side is {sides[0]:,} to {sides[-1]:,} px, half of them {sides[len(sides) // 2]:,} or more"
        )
        return join([
            tag("p", f"{sentence}. {pluralize(len(sizes), 'different size')}."),
            tag("div",
                tag("div", scatter(sizes, Counter((widths[row], heights[row]) for row in sorted(odd))),
                    tag("p", "A larger dot is more images; the dashed line is where squares lie.",
                        " Red: odd sizes and shapes." if odd else "", class_="note")),
                tag("div", tag("h3", "Shapes, width : height"),
                    bars([(shape, shapes[shape]) for _, shape in _SHAPES if shapes[shape]], "shapes")),
                class_="side"),
        ])  # fmt: skip

    def _classes(self) -> Html:
        counts = Counter(each for row in self.rows for each in self.catalog.labels_in(self.labels[row]))
        if not counts:
            return tag("p", "No image could be decoded.")
        ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        (most, largest), (least, smallest) = ordered[0], ordered[-1]
        sentence = f"{pluralize(len(counts), self.kind, self.kinds)}"
        if len(counts) > 1:
            sentence += f"; the largest, {most}, has {largest:,} images, the smallest, {least}, {smallest:,}"
        return join([tag("p", f"{sentence}."), bars(ordered, f"images a {self.kind}")])

    def _class_samples(self) -> Html:
        if not self.rows:
            return tag("p", "No image could be decoded.")
        of_class: dict[str, list[int]] = defaultdict(list)
        for row in self.rows:
            for each in self.catalog.labels_in(self.labels[row]):
                of_class[each].append(row)
        classes = sorted(of_class)
        shown = [classes[place] for place in spread(range(len(classes)), MOST_CLASSES)]
        strips = [
            tag("div", tag("h3", name(label), tag("small", f" {len(of_class[label]):,}")),
                tag("div", *(tag("div", self.pictures.show(row, 64), class_="pic")
                             for row in spread(of_class[label], SAMPLES)), class_="strip"))
            for label in shown
        ]  # fmt: skip
        note = f"Up to {SAMPLES} images a {self.kind}, evenly from its first file to its last."
        if len(shown) < len(classes):
            note += f" {len(shown)} of {len(classes):,} {self.kinds} are shown."
        return join([tag("p", note, class_="note"), tag("div", *strips, class_="strips")])

    def _texts(self) -> Html:
        texts = [self.labels[row] for row in self.rows]
        characters = Counter("".join(texts))
        lengths = Counter(map(len, texts))
        if not texts:
            return tag("p", "No image could be decoded.")
        n_repeated = len(texts) - len(set(texts))
        return join([
            tag("p", f"{pluralize(len(set(texts)), 'different text')}",
                f"; {pluralize(n_repeated, 'image')} repeat a text of another" if n_repeated else "",
                f". {pluralize(len(characters), 'character')}, each seen {min(characters.values(), default=0):,} to "
                f"{max(characters.values(), default=0):,} times."),
            tag("div", *(
                tag("div", tag("h3", what), bars(pairs, description))
                for what, description, pairs in (
                    ("Alphabet", "occurrences a character",
                     [(visible_character(character), count) for character, count in characters.most_common()]),
                    ("Characters in a text", "texts of a length",
                     [(str(length), lengths[length]) for length in sorted(lengths)]),
                )
            ), class_="side"),
        ])  # fmt: skip

    def _read_samples(self) -> Html:
        shown = spread(sorted(self.rows, key=lambda row: (len(self.labels[row]), self.labels[row])), MOST_TEXTS)
        return join([
            tag("p", "Pictures with their texts, evenly from the shortest to the longest.", class_="note"),
            self.sections.card_grid(self.sections.image_card(row, None) for row in shown),
        ])  # fmt: skip

    # --- one check

    def _count(self, check: Finding) -> str:
        if check.check == "one_source":
            return f"{len(check.facts.get('classes', ()))}"
        return f"{len(check.why):,}" if check.why else ""


_SHAPES = ((0.5, "below 1 : 2"), (0.8, "upright"), (1.25, "about square"), (2.0, "wide"), (float("inf"), "above 2 : 1"))


def _aspect_name(aspect: float) -> str:
    """Return the name of an aspect ratio, width / height."""
    return next(shape for most, shape in _SHAPES if aspect <= most)


def _badge(level: str, text: str | None = None) -> Html:
    return tag("span", text or BADGES[level], class_=f"badge {level}")


def _tile(figure: str, what: str) -> Html:
    return tag("div", tag("b", figure), what, class_="tile")


def _enumerate(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
