"""What the parser of options says of a value that does not fit, in words for people."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tellapart.core.errors import ConfigError, did_you_mean
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


def check_option_names(given: Iterable[str], known: Iterable[str]) -> None:
    """Refuse an option that there is not, before a function further in does.

    Args:
        given: the names of options.
        known: those that there are.

    Raises:
        ConfigError: one is not among them.

    >>> check_option_names(["label_fron"], ["label_from"])
    Traceback (most recent call last):
    tellapart.core.errors.ConfigError: unknown option 'label_fron' (did you mean 'label_from'?)
    """
    names = list(known)
    for name in given:
        if name.startswith("no_") and name not in names:
            raise ConfigError(f"unknown option {name!r}: for --no-X of the command line, Python says X=False")
        if name not in names:
            raise ConfigError(f"unknown option {name!r}{did_you_mean(name, names)}")
