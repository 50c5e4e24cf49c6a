"""The audit as a page for people: what deserves attention first, the pictures it is about, and what to do."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

from tellapart.core.errors import pluralize
from tellapart.curation.findings import Finding, Findings
from tellapart.curation.guidance import BADGES, GUIDANCE, KNOW, LOOK, MEND, TITLES
from tellapart.viz.charts import bars, scatter
from tellapart.viz.html import (
    Content,
    Html,
    Pictures,
    card,
    cards,
    document,
    join,
    name,
    path_name,
    spread,
    tag,
    write_page,
)

MOST_IMAGES = 60  # shown of one check,
MOST_GROUPS = 36  # groups of copies,
MOST_OF_A_GROUP = 6  # images of one,
MOST_CLASSES = 40  # classes with a strip of samples,
SAMPLES = 8  # images in it, and
MOST_TEXTS = 48  # images of a reading set
BELIEVED = 0.6  # a model that agrees with fewer labels knows too little to be believed about them


def write_report(findings: Findings, path: Path) -> None:
    """Write an audit as one HTML file that stands alone, whole or not at all.

    Args:
        findings: what the audit found. Images that have gone since are shown as missing.
        path: the file; one that is there is replaced.
    """
    page = _Page(findings)
    write_page(Path(path), page.text(), page.pictures)


class _Page:
    """The report of one audit."""

    def __init__(self, findings: Findings) -> None:
        self.findings, self.catalog = findings, findings.catalog
        self.pictures = Pictures(self.catalog)
        self.files, self.labels = self.catalog.column("file"), self.catalog.column("label")
        self.reads = self.catalog.task == "read"
        self.rows = self.catalog.rows()
        checks = list(findings.checks.values())
        self.found = sorted((check for check in checks if is_found(check)), key=_urgency)
        rest = [check for check in checks if not is_found(check)]
        self.unjudged = [check for check in rest if not self._judged(check)]
        self.fine = [check for check in rest if self._judged(check)]

    def _judged(self, check: Finding) -> bool:
        """Whether a check could be done; where it could not, finding nothing says nothing."""
        if check.check == "split_leaks":
            return any(self.catalog.column("split"))
        return check.check != "label_errors" or "accuracy" in check.facts

    def text(self) -> str:
        """The page, its pictures still to be filled in."""
        sections = [("sizes", "Sizes and shapes", None, self._sizes())]
        if self.reads:
            sections += [("texts", "Texts", None, self._texts()), ("samples", "Samples", None, self._read_samples())]
        else:
            sections += [("classes", "Images a class", None, self._classes()),
                         ("samples", "Samples of the classes", None, self._class_samples())]  # fmt: skip
        found = [(check.check, check_title(check.check), self._many(check), self._check(check)) for check in self.found]
        places = [("overview", "Overview", None), *((key, what, many) for key, what, many, _ in [*found, *sections])]
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
                    *((entry, _level(check)) for entry, check in zip(found, self.found, strict=True)),
                    *((entry, None) for entry in sections),
                ]
            ), id="content"),
            class_="whole with-nav",
        )  # fmt: skip
        return document(f"Audit of {source}", body)

    # --- the whole set

    def _overview(self, source: str) -> Html:
        classes = len({self.labels[row] for row in self.rows})
        flagged = {row for check in self.found for row in check.why}
        n = len(self.catalog)
        tiles = [
            _tile(f"{n:,}", "image" if n == 1 else "images"),
            _tile(f"{classes:,}", "different texts" if self.reads else "class" if classes == 1 else "classes"),
            _tile(f"{len(flagged):,}", f"flagged by a check ({len(flagged) / max(n, 1):.0%})"),
            _tile(f"{len(self.found)} of {len(self.findings.checks)}", "checks found something"),
        ]
        if self.found:
            first = [
                tag("li", _badge(_level(check)),
                    tag("span", tag("a", check_title(check.check), href=f"#{check.check}"), ": ", check.sentence, "."))
                for check in self.found
            ]  # fmt: skip
            told = join([tag("h3", "What deserves attention, most urgent first"), tag("ol", *first, class_="todo")])
        else:
            told = tag("p", tag("strong", "Nothing was found that deserves attention."))
        fine = ", ".join(_what(check) for check in self.fine)
        evidence = str(self.findings.about.get("evidence", "pixels"))
        how = "pixels alone, without a network that has learnt on other pictures" if evidence == "pixels" else evidence
        notes = self.findings.about.get("notes") or []
        return tag(
            "div", tag("h1", "Audit of ", name(source)),
            tag("p", self._headline(), class_="lead"),
            tag("div", *tiles, class_="tiles"), told,
            tag("p", _badge("fine", "fine"), f" Looked for and not found: {fine}.") if fine else None,
            *(tag("p", f"{check_title(check.check)}: {check.sentence}.") for check in self.unjudged),
            *(tag("p", "Note: ", str(note), class_="note") for note in notes),
            tag("p", f"Judged by {how}. No file was changed. A flag is a question to a person, not a verdict.",
                class_="note"),
            id="overview",
        )  # fmt: skip

    def _headline(self) -> str:
        mend = [_what(check) for check in self.found if _level(check) == MEND]
        look = [_what(check) for check in self.found if _level(check) == LOOK]
        if mend:
            return f"Mend before training: {_listed(mend)}. Everything else can wait." if not look else (
                f"Mend before training: {_listed(mend)}. Then look at: {_listed(look)}."
            )  # fmt: skip
        if look:
            return f"Nothing here stands in the way of training. Worth a look: {_listed(look)}."
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
        shapes = Counter(_shape(width / height) for width, height in sizes.elements())
        told = f"The longer side is {sides[0]:,} to {sides[-1]:,} px, half of them {sides[len(sides) // 2]:,} or more"
        return join([
            tag("p", f"{told}. {pluralize(len(sizes), 'different size')}."),
            tag("div",
                tag("div", scatter(sizes, Counter((widths[row], heights[row]) for row in sorted(odd))),
                    tag("p", "A larger dot is more images; the dashed line is where squares lie.",
                        " Red: odd sizes and shapes." if odd else "", class_="note")),
                tag("div", tag("h3", "Shapes, width : height"),
                    bars([(shape, shapes[shape]) for _, shape in _SHAPES if shapes[shape]], "shapes")),
                class_="side"),
        ])  # fmt: skip

    def _classes(self) -> Html:
        counts = Counter(self.labels[row] for row in self.rows)
        if not counts:
            return tag("p", "No image could be decoded.")
        ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        (most, largest), (least, smallest) = ordered[0], ordered[-1]
        told = f"{pluralize(len(counts), 'class', 'classes')}"
        if len(counts) > 1:
            told += f"; the largest, {most}, has {largest:,} images, the smallest, {least}, {smallest:,}"
        return join([tag("p", f"{told}."), bars(ordered, "images a class")])

    def _class_samples(self) -> Html:
        if not self.rows:
            return tag("p", "No image could be decoded.")
        of_class: dict[str, list[int]] = defaultdict(list)
        for row in self.rows:
            of_class[self.labels[row]].append(row)
        classes = sorted(of_class)
        shown = [classes[place] for place in spread(range(len(classes)), MOST_CLASSES)]
        strips = [
            tag("div", tag("h3", name(label), tag("small", f" {len(of_class[label]):,}")),
                tag("div", *(tag("div", self.pictures.show(row, 64), class_="pic")
                             for row in spread(of_class[label], SAMPLES)), class_="strip"))
            for label in shown
        ]  # fmt: skip
        told = f"Up to {SAMPLES} images a class, evenly from its first file to its last."
        if len(shown) < len(classes):
            told += f" {len(shown)} of {len(classes):,} classes are shown."
        return join([tag("p", told, class_="note"), tag("div", *strips, class_="strips")])

    def _texts(self) -> Html:
        texts = [self.labels[row] for row in self.rows]
        characters = Counter("".join(texts))
        lengths = Counter(map(len, texts))
        if not texts:
            return tag("p", "No image could be decoded.")
        twice = len(texts) - len(set(texts))
        return join([
            tag("p", f"{pluralize(len(set(texts)), 'different text')}",
                f"; {pluralize(twice, 'image')} repeat a text of another" if twice else "",
                f". {pluralize(len(characters), 'character')}, each seen {min(characters.values(), default=0):,} to "
                f"{max(characters.values(), default=0):,} times."),
            tag("div", *(
                tag("div", tag("h3", what), bars(pairs, told))
                for what, told, pairs in (
                    ("Alphabet", "occurrences a character",
                     [(_seen(sign), number) for sign, number in characters.most_common()]),
                    ("Characters in a text", "texts of a length",
                     [(str(length), lengths[length]) for length in sorted(lengths)]),
                )
            ), class_="side"),
        ])  # fmt: skip

    def _read_samples(self) -> Html:
        shown = spread(sorted(self.rows, key=lambda row: (len(self.labels[row]), self.labels[row])), MOST_TEXTS)
        return join([
            tag("p", "Pictures with their texts, evenly from the shortest to the longest.", class_="note"),
            self._cards(self._card(row, None) for row in shown),
        ])  # fmt: skip

    # --- one check

    def _many(self, check: Finding) -> str:
        if check.check == "one_source":
            return f"{len(check.facts.get('classes', ()))}"
        return f"{len(check.why):,}" if check.why else ""

    def _check(self, check: Finding) -> Html:
        words = GUIDANCE.get(check.check)
        about: list[Content] = [_about("Found", f"{check.sentence}.")]
        if check.why:
            share = f"{pluralize(len(check.why), 'image')}, {len(check.why) / max(len(self.catalog), 1):.1%} of the set"
            about.append(_about("Flagged", share))
        if words and words.threshold and check.threshold is not None:
            about.append(
                _about("Threshold", f"{words.threshold.format(check.threshold, power=10 ** min(check.threshold, 9))}.")
            )
        if evidence := check.facts.get("evidence"):
            about.append(_about("Judged by", f"{evidence}."))
        show = _GALLERIES.get(check.check, _Page._gallery)
        return join([
            tag("p", words.asks) if words else None, tag("dl", *about, class_="about"),
            tag("p", tag("strong", "What to do: "), words.do, class_="do") if words else None,
            show(self, check),
        ])  # fmt: skip

    def _show(self, row: int) -> Html:
        return self.pictures.show(row, 198 if self.reads else 144, 144)

    def _card(self, row: int, *lines: Content) -> Html:
        return card(self._show(row), tag("b", name(self.labels[row])), *lines,
                    tag("span", path_name(self.files[row]), class_="file"))  # fmt: skip

    def _cards(self, parts: Sequence[Html] | Content) -> Html:
        return cards([join([parts])], class_="cards wide" if self.reads else "cards")

    def _gallery(self, check: Finding) -> Html:
        """The flagged images, worst first."""
        shown = check.flags[:MOST_IMAGES]
        same = len(set(check.why.values())) == 1 and len(shown) > 1  # what holds for all is said once
        return join([
            tag("p", f"All of them: {check.why[shown[0]]}.", class_="note") if same else None,
            self._cards([self._card(row, None if same else tag("span", short_reason(check, row))) for row in shown]),
            _more(len(check.why) - len(shown), "image"),
        ])  # fmt: skip

    def _groups(self, check: Finding) -> Html:
        """Copies side by side, those that are least alike first: there the threshold shows what it is worth."""
        groups = sorted(check.groups, key=lambda group: min(check.score.get(row, 1.0) for row in group))
        parts = []
        for group in groups[:MOST_GROUPS]:
            shown = group[:MOST_OF_A_GROUP]
            left = len(group) - len(shown)
            parts.append(tag(
                "div", *(self._card(row, tag("span", self._copy(check, group, row))) for row in shown),
                tag("span", f"and {left:,} more", class_="note") if left else None,
                class_="group wide" if self.reads else "group", role="group",
                aria_label=f"{len(group)} copies",
            ))  # fmt: skip
        told = "The least alike come first: judge the threshold by them." if check.check == "near_duplicates" else None
        return join([
            tag("p", told, class_="note") if told else None,
            tag("div", *parts, class_="groups"), _more(len(groups) - len(parts), "group"),
        ])  # fmt: skip

    def _copy(self, check: Finding, group: Sequence[int], row: int) -> Content:
        """What was done to a copy. Those that stand beside it are called by their number."""
        why = check.why.get(row)
        if check.check == "conflicting_labels":
            return None  # the labels stand under the pictures, and that is all there is to say
        if check.check == "split_leaks":
            return f"in {self.catalog.column('split')[row] or 'no part'}"
        if row == group[0] or why is None:
            return tag("span", "keep", class_="badge fine")
        return number_copies(why, [self.files[other] for other in group])

    def _readings(self, check: Finding) -> Html:
        """Doubted labels, each with an image of what it is called and one of what it looks like."""
        looks = check.facts.get("looks_like", {})
        example = self._examples()
        parts = []
        for row in check.flags[:MOST_IMAGES]:
            given, other = self.labels[row], looks.get(self.files[row])
            also = [
                tag("div", self.pictures.show(example[label], 60) if label in example else None, class_="pic")
                + tag("div", tag("span", what), tag("b", name(label)))
                for what, label in (("labelled", given), ("looks like", other)) if label is not None
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
        """For each class the image that nothing speaks against."""
        doubt = self.findings.checks["label_errors"].score
        flagged = Counter(row for check in self.found for row in check.why)
        best: dict[str, int] = {}
        for row in sorted(self.rows, key=lambda row: (flagged[row], doubt.get(row, 1.0), row)):
            best.setdefault(self.labels[row], row)
        return best

    def _one_source(self, check: Finding) -> Html:
        return join([tag("ul", *(tag("li", told) for told in check.facts.get("classes", {}).values()))])

    def _tiny(self, check: Finding) -> Html:
        counts = Counter(self.labels[row] for row in self.rows)
        tiny = sorted(((label, counts[label]) for label in check.facts.get("classes", ())), key=lambda item: item[1])
        return join([bars(tiny, "images a class"), self._gallery(check)])

    def _rare(self, check: Finding) -> Html:
        counts = check.facts.get("characters", {})
        rare = [(_seen(sign), number) for sign, number in counts.items() if number < (check.threshold or 0)]
        return join([bars(rare, "occurrences a character"), self._gallery(check)])

    def _see_classes(self, check: Finding) -> Html:
        return tag("p", tag("a", "The counts of all classes", href="#classes"), " are further down.")


_GALLERIES: dict[str, Callable[[_Page, Finding], Html]] = {
    "exact_duplicates": _Page._groups,
    "near_duplicates": _Page._groups,
    "conflicting_labels": _Page._groups,
    "split_leaks": _Page._groups,
    "label_errors": _Page._readings,
    "one_source": _Page._one_source,
    "tiny_classes": _Page._tiny,
    "rare_characters": _Page._rare,
    "class_imbalance": _Page._see_classes,
}

_SHAPES = ((0.5, "below 1 : 2"), (0.8, "upright"), (1.25, "about square"), (2.0, "wide"), (float("inf"), "above 2 : 1"))


def _shape(aspect: float) -> str:
    return next(shape for most, shape in _SHAPES if aspect <= most)


def is_found(check: Finding) -> bool:
    """Whether a check found something that deserves a section of its own."""
    told = check.facts.get("classes") if check.check == "one_source" else check.facts.get("flag")
    return bool(check.why or check.groups or told)


def check_title(check: str) -> str:
    """A check's name for people.

    >>> check_title("near_duplicates"), check_title("some_new_check")
    ('Near-copies', 'Some new check')
    """
    return TITLES.get(check, check.replace("_", " ").capitalize())


def short_reason(check: Finding, row: int) -> str:
    """Why a row is flagged, without what stands above all of them."""
    return f"{check.score.get(row, 0):.0%} likely" if check.check == "off_domain" else check.why[row]


def number_copies(why: str, files: Sequence[str]) -> str:
    """What was done to a copy, with a number for each file that stands beside it; the first need not be named.

    >>> number_copies("like b.png: mirrored", ["a.png", "b.png"]), number_copies("like a.png: mirrored", ["a.png"])
    ('like number 2: mirrored', 'mirrored')
    """
    for number, file in enumerate(files, 1):
        if why == f"the same pixels as {file}":
            return "the same pixels" if number == 1 else f"the same pixels as number {number}"
        if why.startswith(f"an exact copy of {file}, "):
            return f"an exact copy of number {number}"
        if why.startswith(start := f"like {file}: "):
            return ("" if number == 1 else f"like number {number}: ") + why.removeprefix(start)
    return why


def _what(check: Finding) -> str:
    return GUIDANCE[check.check].what if check.check in GUIDANCE else check_title(check.check).lower()


def _level(check: Finding) -> str:
    if check.check == "label_errors" and check.facts.get("accuracy", 1.0) < BELIEVED:
        return KNOW
    return GUIDANCE[check.check].level if check.check in GUIDANCE else LOOK


def _urgency(check: Finding) -> tuple[int, int]:
    names = list(GUIDANCE)
    return list(BADGES).index(_level(check)), names.index(check.check) if check.check in names else len(names)


def _badge(level: str, text: str | None = None) -> Html:
    return tag("span", text or BADGES[level], class_=f"badge {level}")


def _tile(figure: str, what: str) -> Html:
    return tag("div", tag("b", figure), what, class_="tile")


def _about(what: str, told: str) -> Html:
    return join([tag("dt", what), tag("dd", told)])


def _more(left: int, what: str) -> Html | None:
    return (
        tag("p", f"{pluralize(left, 'more ' + what)} not shown; the audit's folder names all of them.")
        if left
        else None
    )


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _seen(sign: str) -> str:
    """A character as it can be seen.

    >>> _seen(" "), _seen("a")
    ('space', 'a')
    """
    return "space" if sign == " " else sign if sign.isprintable() else f"U+{ord(sign):04X}"
