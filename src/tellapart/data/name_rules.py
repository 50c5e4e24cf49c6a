"""Labels in file names: named rules, and which of them the names of a whole set follow.

Generators and trainers write a counter, an index or a hash beside the text (``slinking_0.png``, ``ab3d_<md5>.png``,
``361_word_42.png``). One name cannot tell it from the text; the names of a set can: counters run, hashes never repeat.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from tellapart.core.errors import CatalogError, join_some
from tellapart.core.image_io import SUFFIXES
from tellapart.core.terminal import quoted
from tellapart.data.label_expression import label_expression

_NUMBERED = r" \(\d+\)"
_COPIED = (  # what desktops append to the name of a copy
    r"(?: - (?:Copy|Kopie|Copie|Copia|Cópia|Kopia|コピー|副本|복사본)|[ _](?:copy|kopie|copie|복사본|コピー)| ?的?副本)"
    r"(?: \(\d+\)| \d+)?"
)
_COPY = f"(?:{_NUMBERED}|{_COPIED})"
_HASH = (  # a UUID, or hexadecimal digits of a digest's length, of both kinds
    r"(?P<hash>[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|(?=\d*[a-f])(?=[a-f]*\d)"
    r"(?:[0-9a-f]{128}|[0-9a-f]{64}|[0-9a-f]{56}|[0-9a-f]{40}|[0-9a-f]{32}|[0-9a-f]{16}|[0-9a-f]{12}|[0-9a-f]{8}))"
)
LABEL_RULES = {
    # dog_01.jpg -> dog, 2_10067.png -> 2, cat.12.jpg -> cat, "cup (3).png" -> cup, "dog_01 - Copy.jpg" -> dog
    "prefix": re.compile(rf"(?P<label>.+?)(?:[ _.\-]+\(?\d+\)?{_COPY}*|(?:{_COPIED})+)"),
    # ab3kz.png -> ab3kz; a copy's mark is not text: 0042.1.png, "0042 (1).png" and "0042 - Copy.png" -> 0042
    "text": re.compile(rf"(?P<label>.+?)(?:\.\d+|(?:{_NUMBERED})?(?:{_COPIED})*)"),
    "text-number": re.compile(rf"(?P<label>.+)(?P<sign>[_\-. ])(?P<number>\d+){_COPY}*"),  # slinking_0.png -> slinking
    "text-hash": re.compile(rf"(?P<label>.+?)[_\-. ]{_HASH}{_COPY}*", re.IGNORECASE),  # ab3d_<md5>.png -> ab3d
    "number-text": re.compile(rf"(?P<number>\d+)(?P<sign>[_\-. ])(?P<label>.+?){_COPY}*"),  # 00017_ab3k.png -> ab3k
    "hash-text": re.compile(rf"{_HASH}[_\-. ](?P<label>.+?){_COPY}*", re.IGNORECASE),
    # 361_word_42.png -> word
    "number-text-number": re.compile(rf"(?P<number>\d+)_(?P<label>.+)_\d+{_COPY}*"),
}
RULE_MEANINGS = {  # what of a name each of them takes for the label
    "prefix": "what stands before the number",
    "text": "the whole name",
    "text-number": "what stands before the last number",
    "text-hash": "what stands before the hash",
    "number-text": "what stands after the first number",
    "hash-text": "what stands after the hash",
    "number-text-number": "what stands between the numbers",
}
_EXPORTED = re.compile(r"_(?:jpe?g|png|bmp|webp|tiff?|gif)\.rf\.[0-9A-Za-z]{16,}$", re.IGNORECASE)
# Words of cameras, phones and programs in names that count pictures and say nothing of what they show.
_COUNTING = frozenset({
    "image", "images", "img", "imgs", "pic", "pics", "picture", "pictures", "photo", "photos", "file", "files", "frame",
    "frames", "scan", "scans", "page", "screenshot", "screenshots", "screen", "shot", "snapshot", "capture", "dsc",
    "dscn", "dscf", "dcim", "pxl", "mvimg", "vid", "gopr", "whatsapp", "wa", "at", "am", "pm", "untitled", "download",
    "unnamed", "sample", "data", "bild", "foto",
})  # fmt: skip
_DAY = re.compile(r"(?:19|20)\d{6}")
SURE = 5  # names; of fewer nobody can tell whether a number runs
_DENSE = 4  # a counter's numbers are spread over at most so many times their number
_STAMP = 9  # digits, from which a number is a time and no text


def without_copy_mark(name: str) -> str:
    """A name without what a desktop appends to that of a copy.

    >>> without_copy_mark("cat (1)"), without_copy_mark("cat - Copy"), without_copy_mark("cat")
    ('cat', 'cat', 'cat')
    """
    match = re.fullmatch(rf"(?P<name>.+?){_COPY}*", name)
    return match["name"] if match else name


def label_in_name(path: str | Path, rule: str) -> str:
    """The label that a file name carries, by a named rule or a regular expression with one group.

    Args:
        path: the file.
        rule: one of `LABEL_RULES`, or a regular expression over the name without its ending.

    Raises:
        CatalogError: the name does not follow the rule, or the rule is no usable expression.

    >>> label_in_name("dog_01.jpg", "prefix"), label_in_name("2_10067.png", "prefix")
    ('dog', '2')
    >>> label_in_name("0042.1.png", "text"), label_in_name("x-red-7.png", "x-([a-z]+)-.*")
    ('0042', 'red')
    """
    label = label_reader(rule)(stem_of(path))
    if not label:
        raise CatalogError(
            f"{path}: the name holds no label by the rule {rule!r}; sort the images into class folders, or give a rule "
            "that fits (--label-from)"
        )
    return label


@lru_cache(maxsize=16)
def label_reader(rule: str) -> Callable[[str], str | None]:
    """What takes a label out of a name without its ending, see `label_in_name`; None where there is none."""
    expression = LABEL_RULES.get(rule)
    if expression is None:
        return label_expression(rule)

    def read(stem: str) -> str | None:
        match = expression.fullmatch(stem)
        return None if match is None else str(match["label"])

    return read


def stem_of(path: str | Path) -> str:
    """A file's name without its ending, or endings, and without what Roboflow writes between two of them.

    >>> stem_of("a/cat_1.jpg"), stem_of("cat_1.png.jpg"), stem_of("cat_1_jpg.rf.0123456789abcdef0123456789abcdef.jpg")
    ('cat_1', 'cat_1', 'cat_1')
    """
    stem = Path(path).stem
    while (ending := Path(stem).suffix.lower()) in SUFFIXES and len(stem) > len(ending):
        stem = stem[: -len(ending)]
    return _EXPORTED.sub("", stem)


# --- which rule a whole set follows ------------------------------------------------------------------


@dataclass(frozen=True)
class NameRule:
    """The rule by which the names of a set carry labels, and what a person should know of the choice."""

    rule: str
    notes: tuple[str, ...] = ()


def rule_of_names(files: Sequence[str], task: str | None) -> NameRule:
    """The rule that the names of a set follow where nobody gave one.

    Args:
        files: the images.
        task: ``classify``, ``read`` or None.

    Raises:
        CatalogError: the names hold no text, or may hold it in two ways.

    >>> rule_of_names([f"{text}_{n}.png" for n, text in enumerate(["ab", "cd", "ab", "ef", "gh"])], "read").rule
    'text-number'
    """
    names = _Names(files)
    sure = [rule for rule, surely in _SURE.items() if (fields := names.fields(rule)) and surely(fields)]
    if "number-text-number" in sure and (task == "read" or _is_index(names.fields("number-text-number") or [])):
        return _taken(names, "number-text-number")
    if task != "read":
        if "number-text" in sure and _is_index(names.fields("number-text") or []):
            return _taken(names, "number-text")
        hashed = [rule for rule in sure if rule in ("text-hash", "hash-text")]
        if hashed and not names.fields("prefix"):
            return _taken(names, hashed[0])
        _check_prefixes(names)
        return NameRule("prefix")
    if len(sure) > 1:
        raise _question(names, sure)
    return _taken(names, sure[0]) if sure else _unsure(names)


class _Names:
    """The names of a set, taken apart by each rule."""

    def __init__(self, files: Sequence[str]) -> None:
        self.files = files
        self.stems = [stem_of(file) for file in files]

    def fields(self, rule: str) -> list[dict[str, str]] | None:
        """What a rule finds in each name; None where it does not fit each."""
        matches = [LABEL_RULES[rule].fullmatch(stem) for stem in self.stems]
        return [match.groupdict() for match in matches if match is not None] if all(matches) else None

    def example(self, rule: str) -> str:
        """A name, and the text that a rule takes from it."""
        return f"{label_in_name(self.files[0], rule)!r} from {Path(self.files[0]).name}"

    def shown(self) -> str:
        """A few of the names."""
        return join_some(Path(file).name for file in self.files)

    def whole(self) -> str:
        """The option that takes the whole name for the text."""
        plain = all(label_in_name(file, "text") == stem for file, stem in zip(self.files, self.stems, strict=True))
        return f"--label-from {'text' if plain else repr('(.+)')}"


def _taken(names: _Names, rule: str) -> NameRule:
    """The choice of a rule by which a number or a hash is no text.

    Raises:
        CatalogError: nothing but that number or hash tells the names of a reading set apart.
    """
    if len({fields["label"] for fields in names.fields(rule) or []}) == 1 and len(names.files) > 1:
        raise CatalogError(
            f"the names hold no labels: {names.shown()} differ only in what counts them; give a table of file and "
            f"label, or say {names.whole()} if the whole name is the label"
        )
    note = f"every name {_WHAT[rule]} that is not taken for a label: {names.example(rule)}"
    return NameRule(rule, (f"{note} (--label-from {rule}; the whole name: {names.whole()})",))


def _check_prefixes(names: _Names) -> None:
    """Refuse names whose beginnings say nothing, or end in another number.

    Raises:
        CatalogError: they are those of cameras and of programs, or hold several numbers.
    """
    labels = {fields["label"] for fields in names.fields("prefix") or []}
    if labels and all(map(_says_nothing, labels)):
        raise CatalogError(
            f"the names hold no labels: {names.shown()} only count images; give a table of file and label, sort the "
            "images into class folders, or say --label-from prefix if these are labels"
        )
    shorter = [label_reader("prefix")(label) for label in labels]
    if len(names.files) >= SURE and all(shorter) and len(set(shorter)) > 1:
        raise CatalogError(
            f"the names hold several numbers, and may mean {quoted(shorter[0])} or {quoted(next(iter(labels)))}: "
            f"{names.shown()}; say --label-from prefix to leave out the last number alone, or a regular expression for "
            "the label, as '([^_]+)_.*'"
        )


def _says_nothing(label: str) -> bool:
    words = re.findall(r"[^\W\d_]+", label.lower())
    return all(word in _COUNTING for word in words) if words else _DAY.fullmatch(label) is not None


def _question(names: _Names, rules: Sequence[str]) -> CatalogError:
    ways = [f"{names.example(rule)} (--label-from {rule})" for rule in rules]
    return CatalogError(
        f"the names may hold their text in several ways; say which: {'; '.join(ways)}; the whole name ({names.whole()})"
    )


def _unsure(names: _Names) -> NameRule:
    """The whole name, where that is plausible.

    Raises:
        CatalogError: the names are running numbers, or each has a number that may or may not be text.
    """
    if len(names.files) >= 4 * SURE and _runs(names.stems, without_gap=True):
        raise CatalogError(
            f"the names hold no text: {names.shown()} are running numbers; give a table of file and label, or say "
            "--label-from text if they are the texts"
        )
    if len(names.files) > 1 and all(re.fullmatch(_HASH, stem, re.IGNORECASE) for stem in names.stems):
        raise CatalogError(
            f"the names hold no text: {names.shown()} are hashes; give a table of file and label, or say "
            "--label-from text if they are the texts"
        )
    for rule in ("text-number", "text-hash", "number-text"):
        fields = names.fields(rule)
        if not fields or len(fields) < SURE:
            continue
        if all(each.get("sign", "_") in "_." for each in fields):
            raise _question(names, [rule])
        note = f"every name {_WHAT[rule]} and is read whole: {names.example('text')}"
        return NameRule("text", (f"{note}; if that is no text, say --label-from {rule}",))
    if len(names.files) >= SURE and all("_" in stem.strip("_") for stem in names.stems):
        note = f"every name holds '_' and is read whole: {names.example('text')}"
        return NameRule("text", (f"{note}; if a part of it is no text, say --label-from with a rule, as '([^_]+)_.*'",))
    return NameRule("text")


def hold_texts(names: Sequence[str]) -> bool:
    """Whether each name frames a text by two numbers, mostly another one, as ``115_Lube_45484.jpg``.

    >>> hold_texts([f"{n}_{text}_{n + 7}.jpg" for n, text in enumerate(["ab", "cd", "ef", "gh", "ij"])])
    True
    """
    fields = _Names(names).fields("number-text-number") or []
    return _is_framed(fields) and len({each["label"] for each in fields}) > len(fields) / 2


def are_counted(names: Sequence[str]) -> bool:
    """Whether the names of a folder's files say nothing: running numbers, hashes, or one word with a number.

    >>> are_counted(["1.png", "2.png"]), are_counted(["img_07.png", "img_9.png"]), are_counted(["ab3.png", "x9.png"])
    (True, True, False)
    """
    found = _Names(names)
    if _runs(found.stems) or all(re.fullmatch(_HASH, stem, re.IGNORECASE) for stem in found.stems):
        return True
    fields = found.fields("prefix") or []
    return bool(fields) and len({each["label"] for each in fields}) == 1


def hold_no_labels(names: Sequence[str], labelled: Sequence[str]) -> bool:
    """Whether names of a part hold no labels beside those of another part, which do: they only count their files.

    >>> hold_no_labels(["1.jpg", "2.jpg"], ["cat.0.jpg", "dog.0.jpg"]), hold_no_labels(["12.png"], ["0042.png"])
    (True, False)
    """
    known = [stem_of(name) for name in labelled]
    if not are_counted(names) or are_counted(labelled) or all(stem.isdigit() for stem in known):
        return False
    word = label_reader("prefix")
    return {word(stem_of(name)) for name in names}.isdisjoint({*map(word, known), *known} - {None})


Fields = Sequence[Mapping[str, str]]


def _is_counter(fields: Fields) -> bool:
    """Whether the numbers beside the texts count: they run through the set or through each text, or are times."""
    numbers = [each["number"] for each in fields]
    if len(numbers) < SURE:
        return False
    if _runs(numbers):
        return True
    if any(each["sign"] == "-" for each in fields):  # as in dates and number plates
        return False
    if all(len(number) >= _STAMP for number in numbers):
        return True
    of_text: dict[str, list[int]] = defaultdict(list)
    for each in fields:
        of_text[each["label"]].append(int(each["number"]))
    return len(of_text) <= len(numbers) / 2 and all(
        min(each) <= 1 and max(each) < _DENSE * len(each) for each in of_text.values()
    )


def _runs(numbers: Sequence[str], *, without_gap: bool = False) -> bool:
    """Whether numbers are all different and lie so close that they count something."""
    if not all(number.isascii() and number.isdigit() for number in numbers):
        return False
    values = sorted(map(int, numbers))
    if len(set(values)) < len(values):
        return False
    if without_gap:
        return values[0] <= 1 and values[-1] - values[0] == len(values) - 1
    return values[-1] - values[0] < _DENSE * len(values)


def _is_index(fields: Fields) -> bool:
    return len({each["number"] for each in fields}) >= 0.9 * len(fields)


def _is_hash(fields: Fields) -> bool:
    found = [each["hash"].lower() for each in fields]
    return len(found) > 1 and len({len(each) for each in found}) == 1 and len(set(found)) >= 0.9 * len(found)


def _is_framed(fields: Fields) -> bool:
    return len(fields) >= SURE and not any(each["label"].isdigit() for each in fields)


_SURE: Mapping[str, Callable[[Fields], bool]] = {
    "number-text-number": _is_framed,
    "text-hash": _is_hash,
    "hash-text": _is_hash,
    "text-number": _is_counter,
    "number-text": _is_counter,
}
_WHAT = {
    "text-number": "ends in a number",
    "text-hash": "ends in a hash",
    "number-text": "begins with a number",
    "hash-text": "begins with a hash",
    "number-text-number": "begins and ends with a number",
}
