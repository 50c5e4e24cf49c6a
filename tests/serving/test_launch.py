"""A server that cannot start says why."""

from __future__ import annotations

import pytest

import tellapart
from tellapart.core.errors import BundleError, ConfigError
from tellapart.serving.model_registry import ModelRegistry


def test_start_is_refused_in_words(tmp_path, shape_bundle, monkeypatch):
    monkeypatch.delenv("TELLAPART_TOKEN", raising=False)
    state = tmp_path / "state"
    for words, options, wanted in [
        ([shape_bundle], {"host": "0.0.0.0"}, "token"),
        ([shape_bundle], {"port": 0}, "port"),
        ([shape_bundle], {"sample": 2.0}, "sample"),
        ([f"a={shape_bundle}", f"a={shape_bundle}"], {}, "two models"),
        ([f"../a={shape_bundle}"], {}, "no name"),
        ([], {}, "nothing to serve"),
    ]:
        with pytest.raises(ConfigError, match=wanted):
            tellapart.serve(list(map(str, words)), state=state, check=True, **options)
    with pytest.raises(BundleError):
        tellapart.serve([str(tmp_path)], state=state, check=True)
    (tmp_path / "token").write_text("short\n")
    with pytest.raises(ConfigError, match="16"):
        tellapart.serve([str(shape_bundle)], state=state, token_file=tmp_path / "token", check=True)
    (tmp_path / "token").write_text("a-long-random-token\n")
    settings = tellapart.serve(
        [str(shape_bundle)], state=state, host="0.0.0.0", token_file=tmp_path / "token", check=True
    )
    assert settings is not None
    assert settings.token == "a-long-random-token"
    with pytest.raises(ConfigError, match="no folder of a server"):
        ModelRegistry(tmp_path / "nix").read()
