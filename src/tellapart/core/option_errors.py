"""What the parser of options says of a value that does not fit, in words for people."""

from __future__ import annotations

import re

from tellapart.core.terminal import excerpt, quoted

_KINDS = {"int": "a whole number", "float": "a number", "bool": "true or false", "list": "a list", "str": "a text",
          "dict": "a mapping"}  # fmt: skip


def in_plain_words(error: Exception) -> str:
    """What jsonargparse says of a value that does not fit, for people.

    >>> in_plain_words(ValueError("Parser key 'epochs': Expected a <class 'int'>. Got value: many"))
    "option epochs: 'many' does not fit; give a whole number"
    """
    text = " ".join(str(error).split())
    key = re.search(r"(?:[Kk]ey|[Aa]rgument) [\"'-]*([\w.]+)", text)
    given = re.search(r".*(?:Given|Got) value: (.*)$", text)  # the last: that of the whole option
    unknown = re.search(r"Option '(\w+)' is not accepted", text)
    if key is None or (given is None and unknown is None):
        return excerpt(re.sub(r"^Parser key \"([\w.]+)\": ", r"option \1: ", text), 400)
    if unknown is not None:
        return f"option {key[1]}: it knows no {unknown[1]!r}"
    kinds = re.findall(r"Expected an? (.*?)(?= - Expected| Given value|\. Got value| Subtypes|$)", text)
    names = [
        re.sub(r"<class '(\w+)'>", lambda match: _KINDS.get(match[1], match[1]), kind)
        for kind in kinds
        if "NoneType" not in kind
    ]
    names = [
        " or ".join(re.findall(r"'[^']*'", name)) if "Literal" in name else _KINDS.get(name, name) for name in names
    ]
    assert given is not None
    return f"option {key[1]}: {quoted(given[1])} does not fit; give {' or '.join(names) or 'another kind of value'}"
