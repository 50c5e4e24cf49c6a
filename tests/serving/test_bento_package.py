"""A Bento holds the models and the service."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile

import pytest

import tellapart
from tellapart.core.errors import ConfigError
from tellapart.serving import bento_package
from tellapart.serving.model_registry import ModelRegistry


def test_a_bento_holds_the_models_and_the_service(tmp_path, shape_bundle):
    line = [sys.executable, "-m", "tellapart", "serve", f"shapes={shape_bundle}", "--bento"]
    subprocess.run([*line, str(tmp_path / "shapes.bento")], check=True, capture_output=True)
    with tarfile.open(tmp_path / "shapes.bento") as packed:
        names = packed.getnames()
    assert any(name.endswith("src/service.py") for name in names)
    (tmp_path / "unpacked").mkdir()
    subprocess.run(["tar", "-xf", str(tmp_path / "shapes.bento"), "-C", str(tmp_path / "unpacked")], check=True)
    models = next((tmp_path / "unpacked").rglob("models/shapes"))
    assert tellapart.Bundle.open(models).labels == tellapart.Bundle.open(shape_bundle).labels
    with pytest.raises(ConfigError, match="bento"):
        tellapart.serve([str(shape_bundle)], bento=tmp_path / "shapes.zip")


def test_the_service_of_a_bento_serves_the_models_beside_it(tmp_path, shape_bundle, copied):
    """Its file runs as BentoML runs it, in a process of its own."""
    (tmp_path / "bento" / "models").mkdir(parents=True)
    copied(shape_bundle).rename(tmp_path / "bento" / "models" / "shapes")
    (tmp_path / "bento" / "service.py").write_text(bento_package._SERVICE, "utf-8")
    environment = {key: value for key, value in os.environ.items() if not key.startswith("TELLAPART")}
    environment |= {"TELLAPART_STATE": str(tmp_path / "state"), "BENTOML_HOME": str(tmp_path / "home"),
                    "BENTOML_DO_NOT_TRACK": "True"}  # fmt: skip
    code = "import runpy, sys; print(runpy.run_path(sys.argv[1])['Recogniser'].name)"
    line = [sys.executable, "-c", code, str(tmp_path / "bento" / "service.py")]
    result = subprocess.run(line, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.split()[-1] == "tellapart"
    models = ModelRegistry(tmp_path / "state").read()
    assert models["shapes"]["versions"] == [str(tmp_path / "bento" / "models" / "shapes")]
