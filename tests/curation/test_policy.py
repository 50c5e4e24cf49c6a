"""A policy decides which checks drop an image; what it cannot mean is refused."""

from __future__ import annotations

import pytest
from PIL import Image

import tellapart
from tellapart.core.errors import CatalogError, ConfigError
from tellapart.curation.policy import read_policy
from tellapart.data.opening import open_catalog


@pytest.fixture(scope="module")
def data(tmp_path_factory, draw, encode):
    """Class folders with a copy, a copy under another label, a mirrored one, and a blank one."""
    root = tmp_path_factory.mktemp("clean") / "set"
    for label, base in (("a", 0), ("b", 100)):
        (root / label).mkdir(parents=True)
        for number in range(12):
            (root / label / f"{number:02}.png").write_bytes(encode(draw(base + number, 96, 72)))
    (root / "a" / "copy.bmp").write_bytes(encode(draw(0, 96, 72), "BMP"))
    (root / "a" / "mirror.png").write_bytes(encode(draw(1, 96, 72)[:, ::-1].copy()))
    (root / "b" / "other.png").write_bytes(encode(draw(2, 96, 72)))
    (root / "b" / "blank.png").write_bytes(encode(Image.new("RGB", (96, 72), "grey")))
    (root / "b" / "broken.png").write_bytes(b"broken")
    return root


@pytest.fixture
def cleaned(data, tmp_path):
    def run(source=data, **options):
        options.setdefault("out", tmp_path / "clean.parquet")
        options.setdefault("audit", tmp_path / "audit")
        result = tellapart.clean(source, pretrained=False, **options)
        catalog = open_catalog(options["out"])
        columns = zip(catalog.column("file"), catalog.column("why"), catalog.column("keep"), strict=True)
        return result, {file: why for file, why, keep in columns if not keep}, catalog

    return run


def test_a_policy_file_and_a_score(cleaned, tmp_path):
    policy = tmp_path / "policy.yaml"
    policy.write_text("near_duplicates: {drop_above: 1.01}\nlow_information: keep\n", encoding="utf-8")
    _, gone, _ = cleaned(policy=policy)
    assert "a/mirror.png" not in gone
    assert "b/blank.png" not in gone
    assert "a/copy.bmp" in gone


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("off_domian: keep", "no check 'off_domian' (did you mean 'off_domain'?); there are: "),
        ("off_domain: delete", "off_domain: 'delete'; write drop, keep, or {drop_above: 0.8}"),
        (
            "off_domain: {drop_above: much}",
            "off_domain: {'drop_above': 'much'}; write drop, keep, or {drop_above: 0.8}",
        ),
        ("off_domain: {drop_above: .nan}", "off_domain: {'drop_above': nan}; write drop, keep, or {drop_above: 0.8}"),
        ("[1, 2]", "write one line a check, such as `off_domain: keep`"),
        ("a: b: c", "not YAML: "),
    ],
)
def test_policies_that_say_nothing(tmp_path, text, message):
    policy = tmp_path / "policy.yaml"
    policy.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as refused:
        read_policy(policy)
    assert str(refused.value).startswith(f"{policy}: {message}")


def test_a_policy_that_leaves_nothing_is_refused(tmp_path, draw, encode):
    (tmp_path / "set" / "a").mkdir(parents=True)
    (tmp_path / "set" / "a" / "0.png").write_bytes(encode(Image.new("RGB", (64, 64))))
    with pytest.raises(CatalogError, match=r"this policy leaves no image \(1 low_information\); loosen it"):
        tellapart.clean(tmp_path / "set", out=tmp_path / "c.parquet", audit=tmp_path / "a", pretrained=False)
