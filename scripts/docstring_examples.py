"""An extension of Griffe, for the site: code in a docstring is shown as code, be it below ``Example:`` or a doctest."""

from __future__ import annotations

import re
from textwrap import dedent
from typing import Any

from griffe import Extension, Object

EXAMPLE = re.compile(r"^Example:\n((?: +.*\n?|\s*\n)+)", re.MULTILINE)
DOCTEST = re.compile(r"^>>> .*(?:\n(?!\s*$).+)*", re.MULTILINE)


def with_fences(text: str) -> str:
    """A docstring with its examples between fences."""
    text = EXAMPLE.sub(lambda match: f"**Example**\n\n{_python(match[1])}\n", text)
    if "```python\n>>>" not in text:
        text = DOCTEST.sub(lambda match: f"**Example**\n\n{_python(match[0])}", text)
    return text.rstrip()


def _python(code: str) -> str:
    return f"```python\n{dedent(code).strip()}\n```"


class ExamplesAsCode(Extension):
    """Change the docstring of each function and class that Griffe finds."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Griffe calls this with each object."""
        if obj.docstring is not None:
            obj.docstring.value = with_fences(obj.docstring.value)
