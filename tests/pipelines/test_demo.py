"""The demo goes the whole path, small."""

from __future__ import annotations

import tellapart


def test_the_demo_is_the_whole_path(tmp_path, capsys):
    result = tellapart.demo(out=tmp_path / "demo", n=40, epochs=1)
    assert result["fresh"]["n"] == 12
    assert sorted(item.name for item in (tmp_path / "demo").iterdir()) == ["captchas", "fresh", "run", "samples.png"]
    summary = result["summary"].splitlines()
    assert summary[0].split() == ["file", "drawn", "read", "confidence"]
    assert sum(line.startswith("images/") for line in summary) == 12
    assert f"fresh ones read right: {result['fresh']['right']} of 12" in summary
    assert [line[0] for line in capsys.readouterr().err.splitlines() if line[1:3] == ". "] == ["1", "2", "3"]
    assert tellapart.demo(out=tmp_path / "demo", n=40, epochs=1) == result
