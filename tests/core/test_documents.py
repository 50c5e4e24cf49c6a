"""YAML and JSON of people: a value, or one sentence."""

from __future__ import annotations

import os

import pytest

from tellapart.core.documents import load_json, load_yaml, read_yaml
from tellapart.core.errors import CatalogError, ConfigError
from tellapart.curation.policy import read_policy
from tellapart.data.coarse_labels import apply_coarse_labels
from tellapart.data.opening import open_catalog
from tellapart.synthesis.presets import scheme
from tellapart.training.config import make_config
from tellapart.training.search_space import read_space

DEEP = "[" * 5000 + "]" * 5000


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_file(tmp_path, encoding):
    (tmp_path / "a.yaml").write_bytes("a: [1, 고양이]\n".encode(encoding))
    assert read_yaml(tmp_path / "a.yaml") == {"a": [1, "고양이"]}
    (tmp_path / "a.yaml").write_bytes(b"")
    assert read_yaml(tmp_path / "a.yaml") is None


def test_an_older_encoding_is_said(tmp_path, capsys, refuses):
    path = tmp_path / "a.yaml"
    path.write_bytes("a: [고양이, 강아지]\n".encode("cp949"))
    assert read_yaml(path) == {"a": ["고양이", "강아지"]}
    assert capsys.readouterr().err == f"read as: cp949 text ({path})\n"
    path.write_bytes(b"a: \xff\n")
    with refuses(ConfigError, f"{path}: not UTF-8 text (byte 3), and no older encoding fits either; save it as UTF-8"):
        read_yaml(path)


@pytest.mark.parametrize(
    "text", [DEEP, "a: " + "{a: " * 5000, "- " * 5000, "x: &a [*a]", "{[1]: 2}", "a: b: c", "a: 2024-99-99"]
)
def test_what_is_no_yaml_is_one_sentence(text):
    with pytest.raises(CatalogError, match=r"^a\.yaml: not YAML: [^\n]{5,400}$"):
        load_yaml(text, "a.yaml", CatalogError)


def test_references_that_repeat_a_million_values():
    text = "a0: &a0 [1, 2, 3, 4, 5, 6, 7, 8, 9, 0]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)
    )
    with pytest.raises(ConfigError, match=r"^a\.yaml: not YAML: its references repeat more than 1,000,000 values$"):
        load_yaml(text, "a.yaml")
    assert load_yaml("a: &a [1]\nb: [*a, *a]", "a.yaml") == {"a": [1], "b": [[1], [1]]}


def test_json():
    assert load_json('{"a": [1.0]}', parse_float=str) == {"a": ["1.0"]}
    with pytest.raises(ValueError, match="nested too deep"):
        load_json(DEEP)


@pytest.mark.parametrize(
    "read", [read_policy, read_space, lambda path: make_config(config=path), lambda path: scheme(str(path))]
)
def test_each_file_of_options_is_bounded(tmp_path, read):
    path = tmp_path / "a.yaml"
    path.write_text(DEEP)
    with pytest.raises(ConfigError, match=r"a\.yaml: not YAML: nested too deep$"):
        read(path)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(ConfigError, match=r"a\.yaml: .*cannot be read: a pipe, not a file$"):
        read(path)
    path.unlink()
    path.symlink_to("/dev/zero")
    with pytest.raises(ConfigError, match=r"a\.yaml: .*cannot be read: a device, not a file$"):
        read(path)


def test_a_file_of_groups_is_bounded(tmp_path, class_folders):
    catalog = open_catalog(class_folders)
    for text, words in ((DEEP, "not YAML: nested too deep"), ("a: [[cat], dog, cup]", "write one line a group")):
        (tmp_path / "a.yaml").write_text(text)
        with pytest.raises(CatalogError, match=words):
            apply_coarse_labels(catalog, tmp_path / "a.yaml")
