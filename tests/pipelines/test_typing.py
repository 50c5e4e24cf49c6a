"""A type checker refuses options and results that are none, before anything runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Types of other packages play no part here, and reading them takes a minute.
SETTINGS = f"""
[mypy]
mypy_path = {ROOT / "src"}
follow_imports = silent
ignore_missing_imports = true

[mypy-torch.*,torchvision.*,timm.*,pytorch_lightning.*,optuna.*,numpy.*,PIL.*,yaml.*,onnxruntime.*,safetensors.*,\
pyarrow.*,jsonargparse.*,rich.*,regex.*,httpx.*,starlette.*,bentoml.*,gradio.*,prometheus_client.*,mlflow.*,pandas.*]
follow_imports = skip
"""
ACCEPTED = {
    'tellapart.train("x", epochs=3, label_from="prefix", stages=[{"train": "all", "epochs": 2}])',
    'tellapart.train("x", coarse_labels=Path("groups.yaml"), task="read")["test"]',
    'tellapart.adapt("x", out="y", effort="quick", pattern="[0-9]{5}")["sure"]',
    'tellapart.tune("x", minutes=3, dropout=0.1)["importances"]',
    'tellapart.evaluate("m", "x", label_column="kind", split="all")',
    'tellapart.predict("m", "x.png", nbest=3)',
    'tellapart.catalog("x", out="c.parquet", group_by="site")',
    'tellapart.audit("x", group_by="site", task="classify")',
    'tellapart.map("m", "x", out="m.html", file_column="picture")["picture"]',
    'tellapart.strength("digits", out="s", effort="quick", label_column="text")["broken_with"]',
}
REFUSED = {
    'tellapart.train("x", epoch=3)': 'Unexpected keyword argument "epoch" for "train"',
    'tellapart.train("x", epochs="3")': 'Argument "epochs" to "train" has incompatible type "str"',
    'tellapart.train("x", task="guess")': 'Argument "task" to "train" has incompatible type',
    'tellapart.train("x", stages=[{"tain": "all"}])': 'List item 0 has incompatible type "dict[str, str]"',
    'tellapart.train("x")["tets"]': 'TypedDict "TrainResult" has no key "tets"',
    'tellapart.adapt("x", out="y", task="read")': 'Unexpected keyword argument "task" for "adapt"',
    'tellapart.tune("x", minute=3)': 'Unexpected keyword argument "minute" for "tune"',
    'tellapart.evaluate("m", "x", label_colum="kind")': 'Unexpected keyword argument "label_colum" for "evaluate"',
    'tellapart.predict("m", "x.png", nbset=3)': 'No overload variant of "predict" matches',
    'tellapart.catalog("x", out="c.parquet", groupby="site")': 'Unexpected keyword argument "groupby" for "catalog"',
    'tellapart.audit("x", labels_from="prefix")': 'Unexpected keyword argument "labels_from" for "audit"',
    'tellapart.map("m", "x", out="m.html", task="read")': 'Unexpected keyword argument "task" for "map"',
    'tellapart.strength("digits", out="s", epoch=3)': 'Unexpected keyword argument "epoch" for "strength"',
}


@pytest.fixture(scope="module")
def errors(tmp_path_factory):
    """Line of code → what mypy says of it."""
    folder = tmp_path_factory.mktemp("typing")
    lines = ["from pathlib import Path", "", "import tellapart", "", *sorted(ACCEPTED), *REFUSED]
    (folder / "calls.py").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "mypy.ini").write_text(SETTINGS, encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--config-file", "mypy.ini", "--no-pretty", "calls.py"]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert ended.returncode == 1, ended.stdout + ended.stderr
    said = {}
    for line in ended.stdout.splitlines():
        if line.startswith("calls.py:"):
            _, number, text = line.split(":", 2)
            said.setdefault(lines[int(number) - 1], []).append(text)
    return said


def test_options_that_exist_are_accepted(errors):
    assert {line: errors[line] for line in ACCEPTED if line in errors} == {}


@pytest.mark.parametrize("line", REFUSED)
def test_others_are_refused(errors, line):
    assert any(REFUSED[line] in text for text in errors.get(line, []))
