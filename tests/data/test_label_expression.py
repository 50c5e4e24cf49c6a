"""A rule of anybody's takes labels out of texts, or is refused in words: one that would never come to an end too."""

from __future__ import annotations

import pytest

from tellapart.core.errors import CatalogError
from tellapart.data import label_expression as module
from tellapart.data.label_expression import label_expression
from tellapart.data.layouts import read_source


def test_the_one_group_of_the_whole_text(refuses):
    read = label_expression("(.+)_[0-9]+")
    assert (read("dog_7"), read("dog"), read("dog_7x")) == ("dog", None, None)
    with refuses(CatalogError, "label rule '(': not a regular expression: missing ) at position 1"):
        label_expression("(")
    with pytest.raises(CatalogError, match=r"^label rule '\(+…\(+': not a regular expression: maximum recursion"):
        label_expression("(" * 5000)
    with pytest.raises(CatalogError, match="with exactly one group"):
        label_expression("(a)(b)")


@pytest.mark.parametrize("rule", ["((?:[a-z]|[a-y])*)[0-9]", "((?:a{1,1000}){1,1000})[0-9]"])
def test_a_rule_without_an_end_is_refused(tmp_path, monkeypatch, fill, rule):
    monkeypatch.setattr(module, "SECONDS", 0.02)
    name = "a" * 60
    with pytest.raises(CatalogError) as caught:
        read_source(fill(tmp_path / "set", [f"{name}.png"]), label_from=rule)
    assert str(caught.value).startswith(f"label rule {rule!r}: takes more than 0.02 s for ")
    table = tmp_path / "set" / "labels.csv"
    table.write_text(f"file,label\n{name}.png,{name}\n")
    with pytest.raises(CatalogError, match="takes more than"):
        read_source(table, label_from=rule)
