"""The verb `audit`: the pretrained network is handed in, and the gate is closed after all is written."""

from __future__ import annotations

import importlib

import pytest

import tellapart
from tellapart.core.errors import ConfigError, GateError
from tellapart.core.own_commands import install_command
from tellapart.pipelines.audit import default_embedder


@pytest.fixture
def data(fill, tmp_path):
    """Two classes of six pictures, and a copy of one of them."""
    root = fill(tmp_path / "set", [f"{name}/{index}.png" for name in ("cat", "dog") for index in range(6)])
    (root / "cat" / "copy.png").write_bytes((root / "cat" / "0.png").read_bytes())
    return root


def test_the_evidence_says_whether_a_network_helped(data, tmp_path):
    with_network = tellapart.audit(data, out=tmp_path / "network")
    without = tellapart.audit(data, out=tmp_path / "pixels", pretrained=False)
    assert with_network["evidence"] != without["evidence"]
    assert with_network["findings"]["exact_duplicates"] == without["findings"]["exact_duplicates"]


def test_the_report_is_written_before_the_gate_closes(data, tmp_path):
    result = tellapart.audit(data, out=tmp_path / "audit", pretrained=False, report=tmp_path / "report.html")
    (tmp_path / "report.html").unlink()
    limits = {"out": tmp_path / "audit", "pretrained": False, "report": tmp_path / "report.html"}
    assert tellapart.audit(data, **limits, fail_above=result["flagged"]) == result
    (tmp_path / "report.html").unlink()
    with pytest.raises(GateError, match=rf"^{result['flagged']} images are flagged, more than 0; see .*audit$"):
        tellapart.audit(data, **limits, fail_above=0)
    assert (tmp_path / "report.html").is_file()


def test_a_report_is_a_page(data, tmp_path):
    with pytest.raises(ConfigError, match=r"report\.pdf"):
        tellapart.audit(data, out=tmp_path / "audit", report=tmp_path / "report.pdf")
    assert not (tmp_path / "audit").exists()


def test_without_the_network_pixels_decide(monkeypatch, capsys):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "timm" else object())
    assert default_embedder() is None
    note = f"note: no pretrained network installed ({install_command('train')}): pixels alone decide\n"
    assert capsys.readouterr().err == note


def test_an_unknown_option_is_named_with_what_does_it(class_folders, tmp_path, refuses):
    said = "unknown option 'no_pretrained': for --no-X of the command line, Python says X=False"
    with refuses(ConfigError, said):
        tellapart.audit(class_folders, out=tmp_path / "a", no_pretrained=True)
