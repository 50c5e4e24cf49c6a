"""Building blocks of a self-contained HTML page: one file that loads no other.

Texts are escaped unless they are `Html`, so that no name from the data can become markup. Pictures are placeholders
until the page is written; then each image is decoded once, however often it is shown.
"""

from __future__ import annotations

import base64
import hashlib
import html
import io
import re
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path

from PIL import Image

from tellapart.core import image_io
from tellapart.core.errors import ImageError, TellapartError
from tellapart.core.files import atomic_file
from tellapart.core.parallel import map_threads
from tellapart.data.catalog import Catalog, encoded

VOID = ("br", "img", "input", "meta", "wbr")


class Html(str):
    """Markup, in distinction from text that is still to be escaped."""

    __slots__ = ()


Content = str | int | None | Iterable["Content"]


def escaped(text: object) -> Html:
    """Text as markup that shows it and nothing else; `Html` stays as it is.

    >>> escaped("<b> & 'c'")
    '&lt;b&gt; &amp; &#x27;c&#x27;'
    """
    if isinstance(text, Html):
        return text
    # A lone surrogate cannot be written as UTF-8, and a control character shows nothing (and NUL marks our holes).
    shown = str(text).encode("utf-8", "replace").decode("utf-8")
    return Html(html.escape(re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", "\ufffd", shown)))


def join(parts: Iterable[Content]) -> Html:
    """Parts one after the other, lists laid flat, None left out.

    >>> join(["a < b", [Html("<br>"), None], 3])
    'a &lt; b<br>3'
    """
    return Html("".join(
        part if isinstance(part, Html) else escaped(part) if isinstance(part, str | int) else join(part)
        for part in parts if part is not None
    ))  # fmt: skip


def tag(name: str, /, *content: Content, **attributes: object) -> Html:
    """An element. Attributes that are None or False are left out; ``_`` in their names becomes ``-``.

    >>> tag("p", "1 < 2", class_="note", hidden=True)
    '<p class="note" hidden>1 &lt; 2</p>'
    >>> tag("input", data_file='a"b.png')
    '<input data-file="a&quot;b.png">'
    """
    words = [name]
    for key, value in attributes.items():
        if value is not None and value is not False:
            key = key if key in ("viewBox",) else key.rstrip("_").replace("_", "-")
            words.append(key if value is True else f'{key}="{escaped(value)}"')
    start = f"<{' '.join(words)}>"
    return Html(start if name in VOID else f"{start}{join(content)}</{name}>")


def name(text: object) -> Html:
    """A name from the data: isolated, so that writing from right to left does not turn the rest of the line."""
    return tag("bdi", str(text))


def path_name(text: str) -> Html:
    """A file's name, which may be broken after each slash.

    >>> path_name("cat/1.png")
    '<bdi>cat/<wbr>1.png</bdi>'
    """
    parts = text.split("/")
    return tag("bdi", *(part for folder in parts[:-1] for part in (f"{folder}/", tag("wbr"))), parts[-1])


def spread(values: Sequence[int], most: int) -> list[int]:
    """At most so many of the values, evenly from first to last.

    >>> spread(range(10), 4), spread([7], 4)
    ([0, 3, 6, 9], [7])
    """
    if len(values) <= most:
        return list(values)
    return [values[round(place * (len(values) - 1) / max(most - 1, 1))] for place in range(most)]


# --- pictures ----------------------------------------------------------------------------------------


_HOLE = re.compile("\0([0-9]+) ([0-9]+) ([0-9]+)\0")


class Pictures:
    """The images of a catalog in a page: `show` puts a placeholder, `filled` decodes them.

    Args:
        catalog: the data whose rows are shown.
    """

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.files, self.labels = catalog.column("file"), catalog.column("label")

    def show(self, row: int, width: int, height: int | None = None) -> Html:
        """A placeholder for an image of a row, shrunk to fit a box of width and height in px."""
        return Html(f"\0{row} {width} {height or width}\0")

    def filled(self, text: str) -> Iterator[str]:
        """The page in pieces, with an image in place of each placeholder."""
        wanted: dict[int, set[tuple[int, int]]] = defaultdict(set)
        for hole in _HOLE.finditer(text):
            row, width, height = map(int, hole.groups())
            wanted[row].add((width, height))
        made = dict(self._made(wanted))
        end = 0
        for hole in _HOLE.finditer(text):
            row, width, height = map(int, hole.groups())
            yield text[end : hole.start()]
            yield made[row, (width, height)]
            end = hole.end()
        yield text[end:]

    def _made(self, wanted: Mapping[int, set[tuple[int, int]]]) -> Iterator[tuple[tuple[int, tuple[int, int]], Html]]:
        def make(item: tuple[int, bytes | TellapartError]) -> list[tuple[tuple[int, tuple[int, int]], Html]]:
            row, data = item
            boxes = sorted(wanted[row])
            alt = f"{self.labels[row]}: {self.files[row]}"
            try:
                if isinstance(data, TellapartError):
                    raise data
                pixels = image_io.decode(data, self.files[row], at_least=max(max(box) for box in boxes))
            except TellapartError as error:
                reason = error.reason if isinstance(error, ImageError) else "it can no longer be read"
                description = f"{alt} ({reason})"
                gone = tag("span", "no picture", class_="gone", role="img", aria_label=description, title=reason)
                return [((row, box), gone) for box in boxes]
            return [((row, box), embedded(Image.fromarray(pixels), box, alt)) for box in boxes]

        for tags in map_threads(make, self._bytes(sorted(wanted))):
            yield from tags

    def _bytes(self, rows: Sequence[int]) -> Iterator[tuple[int, bytes | TellapartError]]:
        """The bytes of each row, or why there are none; a shard that has gone takes only its own rows along."""
        of_shard: dict[str | None, list[int]] = defaultdict(list)
        shards = self.catalog.column("shard")
        for row in rows:
            of_shard[shards[row]].append(row)
        for members in of_shard.values():
            left = dict.fromkeys(members)
            try:
                for row, data in encoded(self.catalog, members):
                    del left[row]
                    yield row, data
            except TellapartError as error:
                for row in left:
                    yield row, error


def embedded(image: Image.Image, box: tuple[int, int], alt: str) -> Html:
    """An image within the page, shrunk in place to fit a box of width and height in px.

    Args:
        image: RGB.
        box: the width and height.
        alt: the picture in words.
    """
    image.thumbnail(box, Image.Resampling.LANCZOS, reducing_gap=2.0)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=80, optimize=True)
    width, height = image.size
    # What is smaller than its box is shown larger: 28 px of a digit are not to be made out.
    times = max(1, min(box[0] // width, box[1] // height, 4))
    return tag(
        "img", src=f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}", alt=alt, loading="lazy",
        decoding="async", width=width * times, height=height * times,
    )  # fmt: skip


def card(picture: Html, *lines: Content, **attributes: object) -> Html:
    """A picture with what is said of it."""
    attributes = {"class_": "card"} | attributes
    return tag("figure", tag("div", picture, class_="pic"), tag("figcaption", *lines), **attributes)


def table(head: Sequence[str], rows: Iterable[Sequence[Content]], marked: Container[int] = ()) -> Html:
    """A table that scrolls where it is too wide, by keys as well; rows of these numbers have the class ``found``.

    >>> table(["", "n"], [["a", 1]])
    '<div class="scroll" tabindex="0"><table><thead><tr><th scope="col"></th><th scope="col">n</th></tr></thead>\
<tbody><tr><th scope="row">a</th><td>1</td></tr></tbody></table></div>'
    """
    body = [
        tag("tr", tag("th", row[0], scope="row"), *(tag("td", cell) for cell in row[1:]),
            class_="found" if number in marked else None)
        for number, row in enumerate(rows)
    ]  # fmt: skip
    top = tag("tr", *(tag("th", name, scope="col") for name in head))
    return scrolled(tag("table", tag("thead", top), tag("tbody", *body)))


def scrolled(content: Html) -> Html:
    """What scrolls where it is too wide for the page, by keys as well."""
    return tag("div", content, class_="scroll", tabindex=0)


def cards(parts: Iterable[Html], **attributes: object) -> Html:
    """Cards in as many columns as there is room for."""
    return tag("div", *parts, **{"class_": "cards"} | attributes)


# --- the page ---------------------------------------------------------------------------------------


def package_text(package: str, name: str) -> str:
    """A text file that lies in a package: a page's style sheet or script.

    >>> package_text("tellapart.viz", "page.css").splitlines()[0][:5]
    ':root'
    """
    return (resources.files(package) / name).read_text(encoding="utf-8")


STYLE = "\n" + package_text("tellapart.viz", "page.css")
SAVE_CSV = "\n" + package_text("tellapart.viz", "save_csv.js")  # quoted(text), saveCsv(text, name)


def document(title: str, body: Html, *, style: str = "", script: str = "") -> str:
    """A whole page around a body. Its policy forbids every request, and every script and style but its own.

    Args:
        title: of the page.
        body: what stands in it.
        style: more CSS.
        script: JavaScript, run at the end.
    """
    style = STYLE + style
    policy = f"default-src 'none'; img-src data:; style-src '{_digest(style)}'; base-uri 'none'; form-action 'none'"
    if script:
        policy += f"; script-src '{_digest(script)}'"
    head = tag(
        "head", tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("title", title), tag("style", Html(style)),
    )  # fmt: skip
    skip = tag("a", "To the content", href="#content", class_="skip")
    end = tag("script", Html(script)) if script else None
    return f"<!doctype html>\n{tag('html', head, tag('body', skip, body, end), lang='en')}\n"


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def write_page(path: Path, text: str, pictures: Pictures) -> None:
    """Put the pictures into a page and write it, whole or not at all."""
    with atomic_file(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as stream:
        stream.writelines(pictures.filled(text))
