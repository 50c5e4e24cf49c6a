"""A page as a browser would see it, for tests of what a page holds."""

from __future__ import annotations

import re
from html.parser import HTMLParser

VOID = {"br", "img", "input", "meta", "wbr"}
REQUESTS = {"src", "href", "srcset", "action", "formaction", "data", "poster", "background", "xlink:href", "ping"}


class Page(HTMLParser):
    """What a browser would see: elements with their attributes, and the text; it insists on closed elements."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.source, self.elements, self.open, self.words = text, [], [], []
        self.glue = False
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        assert len({key for key, _ in attrs}) == len(attrs), f"an attribute twice in {tag}"
        self.glue = tag == "wbr"
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("style", "script"):
            self.words.append(self.words.pop() + data if self.glue else data)
            self.glue = False

    @property
    def text(self):
        return re.sub(r"\s+", " ", " ".join(self.words))

    def all(self, tag, /, **wanted):
        wanted = {key.rstrip("_").replace("_", "-"): value for key, value in wanted.items()}
        return [has for one, has in self.elements if one == tag and wanted.items() <= has.items()]

    @property
    def ids(self):
        return [has["id"] for _, has in self.elements if "id" in has]
