"""The named schemes, and those in files."""

from __future__ import annotations

import pytest

from tellapart.synthesis import SCHEMES, Scheme, scheme

NAMED = [name for name, each in SCHEMES.items() if isinstance(each, Scheme)]


@pytest.mark.parametrize("name", NAMED)
def test_named_schemes_are_found_and_survive_a_file(name, tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text(f"{scheme(name)}\n", encoding="utf-8")
    assert scheme(str(file)) == scheme(name) == SCHEMES[name]
    assert scheme(name).name == name


def test_characters_are_twenty_classes_of_52_by_32():
    each = scheme("characters")
    assert (each.width, each.height, len(each.alphabet), each.max_length) == (52, 32, 20, 1)
