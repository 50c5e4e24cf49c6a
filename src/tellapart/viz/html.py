"""Building blocks of an HTML page that stands alone: one file that asks nothing of any other.

Texts are escaped unless they are `Html`, so that no name from the data can become markup. Pictures are holes in
the page until it is written; then each is decoded once, however often it is shown.
"""

from __future__ import annotations

import base64
import hashlib
import html
import io
import re
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
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
    """The images of a catalog as a page shows them: asked for by `show`, decoded by `filled`."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.files, self.labels = catalog.column("file"), catalog.column("label")

    def show(self, row: int, width: int, height: int | None = None) -> Html:
        """A hole that will be this image, shrunk to fit."""
        return Html(f"\0{row} {width} {height or width}\0")

    def filled(self, text: str) -> Iterator[str]:
        """The page in pieces, its holes filled."""
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
                told = f"{alt} ({reason})"
                gone = tag("span", "no picture", class_="gone", role="img", aria_label=told, title=reason)
                return [((row, box), gone) for box in boxes]
            return [((row, box), _img(Image.fromarray(pixels), box, alt)) for box in boxes]

        for found in map_threads(make, self._bytes(sorted(wanted))):
            yield from found

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


def _img(image: Image.Image, box: tuple[int, int], alt: str) -> Html:
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
    """A table that scrolls where it is too wide; rows of these numbers have the class ``found``.

    >>> table(["", "n"], [["a", 1]])
    '<div class="scroll"><table><thead><tr><th scope="col"></th><th scope="col">n</th></tr></thead>\
<tbody><tr><th scope="row">a</th><td>1</td></tr></tbody></table></div>'
    """
    body = [
        tag("tr", tag("th", row[0], scope="row"), *(tag("td", cell) for cell in row[1:]),
            class_="found" if number in marked else None)
        for number, row in enumerate(rows)
    ]  # fmt: skip
    top = tag("tr", *(tag("th", name, scope="col") for name in head))
    return tag("div", tag("table", tag("thead", top), tag("tbody", *body)), class_="scroll")


def cards(parts: Iterable[Html], **attributes: object) -> Html:
    """Cards in as many columns as there is room for."""
    return tag("div", *parts, **{"class_": "cards"} | attributes)


# --- charts ------------------------------------------------------------------------------------------

STYLE = """
:root { color-scheme: light dark; --ground: #fff; --text: #1c2127; --soft: #59636e; --line: #d9dee4; --panel: #f5f7f9;
  --accent: #2563a8; --red: #b3261e; --red-ground: #fdeceb; --amber: #7a5200; --amber-ground: #fdf3dc;
  --green: #1d6b3a; --green-ground: #e6f4ea; --blue-ground: #e8f0fa }
@media (prefers-color-scheme: dark) { :root { --ground: #15181c; --text: #e4e7eb; --soft: #9aa4af; --line: #333a42;
  --panel: #1d2126; --accent: #7db4ee; --red: #ff9c94; --red-ground: #3d1c1a; --amber: #f0c267; --amber-ground:
  #382b10;
  --green: #83d6a0; --green-ground: #15301f; --blue-ground: #1a2b3e } }
* { box-sizing: border-box }
html { scroll-padding-top: 4rem; -webkit-text-size-adjust: 100% }
body { margin: 0; background: var(--ground); color: var(--text); font: 16px/1.5 system-ui, sans-serif }
.whole { max-width: 1240px; margin: 0 auto; padding: 1rem }
main { min-width: 0 }
h1 { font-size: 1.7rem; line-height: 1.2; margin: .5rem 0; overflow-wrap: anywhere }
h2 { font-size: 1.25rem; line-height: 1.3; margin: 0 0 .4rem; display: flex; flex-wrap: wrap; gap: .3rem .7rem;
  align-items: center }
h3 { font-size: 1rem; margin: 1.4rem 0 .5rem }
p { margin: .4rem 0; max-width: 75ch }
section { border-top: 1px solid var(--line); margin-top: 2rem; padding-top: 1.3rem }
a { color: var(--accent) }
a:focus-visible, summary:focus-visible, button:focus-visible, input:focus-visible { outline: 3px solid var(--accent);
  outline-offset: 2px }
.skip { position: absolute; left: -99em } .skip:focus { left: 1rem; top: 1rem; background: var(--ground); padding:
  .5rem;
  z-index: 9 }
bdi { overflow-wrap: anywhere }
.note { color: var(--soft); font-size: .875rem }
nav { font-size: .9rem } nav ol { list-style: none; margin: 0; padding: 0; display: flex; flex-wrap: wrap; gap: .2rem
  1rem }
nav a { text-decoration: none } nav li { padding: .15rem 0 } nav a:hover { text-decoration: underline }
nav .many { color: var(--soft); font-variant-numeric: tabular-nums }
@media (min-width: 1000px) { html:has(.with-nav) { scroll-padding-top: 1rem }
  .with-nav { display: grid; grid-template-columns: 210px minmax(0, 1fr); gap: 2rem }
  .with-nav nav { position: sticky; top: 1rem; align-self: start; max-height: calc(100vh - 2rem); overflow: auto }
  .with-nav nav ol { display: block } }
.badge { font-size: .75rem; font-weight: 600; padding: .1rem .55rem; border-radius: 1rem; white-space: nowrap }
.mend { color: var(--red); background: var(--red-ground) } .look { color: var(--amber); background:
  var(--amber-ground) }
.know { color: var(--accent); background: var(--blue-ground) } .fine { color: var(--green); background:
  var(--green-ground) }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(130px, 1fr)); gap: .7rem; margin: 1rem 0 }
.tile { background: var(--panel); border-radius: .5rem; padding: .6rem .9rem; font-size: .875rem; color: var(--soft) }
.tile b { display: block; font-size: 1.5rem; line-height: 1.2; color: var(--text); font-variant-numeric: tabular-nums
  }
.todo { padding: 0; list-style: none } .todo li { display: grid; grid-template-columns: 7rem 1fr; gap: .2rem .8rem;
  align-items: baseline; padding: .45rem 0; border-top: 1px solid var(--line) } .todo li:first-child { border: 0 }
.todo .badge { justify-self: start }
@media (max-width: 600px) { .todo li { grid-template-columns: 1fr } }
dl.about { display: grid; grid-template-columns: 6.5rem 1fr; gap: .15rem .8rem; font-size: .925rem; margin: .6rem 0
  1rem;
  max-width: 80ch } dl.about dt { color: var(--soft) } dl.about dd { margin: 0 }
.do { border-left: 3px solid var(--accent); padding-left: .7rem; margin-bottom: .9rem }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(150px, 1fr)); gap: .8rem }
.cards.wide { grid-template-columns: repeat(auto-fill, minmax(206px, 1fr)) }
.cards.pairs { grid-template-columns: repeat(auto-fill, minmax(min(100%, 320px), 1fr)) }
.card { margin: 0; font-size: .8125rem; line-height: 1.35; min-width: 0 }
.card .pic { display: flex; align-items: center; justify-content: center; background: var(--panel); border-radius:
  .4rem;
  height: 152px; padding: 4px; overflow: hidden }
.wide .pic, .strip.wide .pic { height: auto; min-height: 60px }
.card figcaption { padding: .3rem .1rem 0; overflow-wrap: anywhere } .card figcaption > * { display: block }
.card .file { color: var(--soft); font-size: .7rem }
img { max-width: 100%; height: auto; max-height: 100%; object-fit: contain; border-radius: 2px }
.gone { color: var(--soft); font-size: .75rem; border: 1px dashed var(--line); padding: 1rem .5rem; border-radius:
  .3rem;
  text-align: center }
.group { display: flex; flex-wrap: wrap; gap: .8rem; padding: .7rem; border: 1px solid var(--line); border-radius:
  .6rem }
.group .card { width: 136px } .group.wide .card { width: 206px } .groups { display: flex; flex-wrap: wrap; gap: .8rem
  }
.group .card { flex: 0 1 auto }
@media (max-width: 430px) { .group, .groups { gap: .6rem } .group { width: 100% } .group .card { width: calc(50% -
  .3rem) }
  .group.wide .card { width: 100% } .cards { grid-template-columns: repeat(2, minmax(0, 1fr)); gap: .6rem }
  .cards.wide { grid-template-columns: repeat(auto-fill, minmax(160px, 1fr)) } }
.strips { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 360px), 1fr)); gap: 1rem 1.5rem }
.strips h3 { margin: 0 0 .3rem; font-size: .875rem; font-weight: 600 } .strips h3 small { color: var(--soft);
  font-weight: 400 }
.strip { display: grid; grid-template-columns: repeat(4, 1fr); gap: 4px }
.strip .pic { display: flex; align-items: center; justify-content: center; background: var(--panel); border-radius:
  .3rem;
  aspect-ratio: 1; padding: 2px; min-width: 0; overflow: hidden }
@media (min-width: 480px) { .strip { grid-template-columns: repeat(8, 1fr) } }
.reading { display: grid; grid-template-columns: 150px 1fr; gap: .7rem } .reading .also { display: grid;
  grid-template-columns: 60px 1fr; gap: .4rem .6rem; align-items: center; align-content: start; font-size: .8125rem }
.also .pic { width: 60px; height: 60px; display: flex; align-items: center; justify-content: center;
  background: var(--panel); border-radius: .3rem; padding: 2px; overflow: hidden }
.also span { color: var(--soft) } .also b { display: block; font-weight: 600 } .also .file { grid-column: 1 / -1;
  color: var(--soft); font-size: .75rem }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 280px), 1fr)); gap: 0 1.5rem }
.side { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 330px), 1fr)); gap: 1rem 2rem;
  align-items: start }
svg { display: block; font: 12px system-ui, sans-serif } svg text { fill: var(--text) } svg .number { fill:
  var(--soft) }
.bars { max-width: 460px } .bars rect { fill: var(--accent) } .scatter { max-width: 480px; width: 100% }
.grid { stroke: var(--line) } .diagonal { stroke: var(--soft); stroke-dasharray: 3 4 }
.dot { fill: var(--accent); fill-opacity: .55 } .odd { fill: var(--red); fill-opacity: .9 }
table { border-collapse: collapse; font-size: .875rem; margin: .5rem 0 } th, td { text-align: left; font-weight: 400;
  padding: .1rem 1rem .1rem 0; border-bottom: 1px solid var(--line) } td { text-align: right;
  font-variant-numeric: tabular-nums }
summary { cursor: pointer; color: var(--accent); font-size: .875rem; margin: .5rem 0 }
"""


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
    """Fill the holes of a page and write it, whole or not at all."""
    with atomic_file(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as stream:
        stream.writelines(pictures.filled(text))
