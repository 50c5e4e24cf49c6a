"""The client says what is wrong."""

from __future__ import annotations

import pytest

import tellapart
from tellapart.core.errors import ConfigError, ServerError


def test_the_client_says_what_is_wrong(tmp_path):
    with pytest.raises(ServerError, match="is it running"):
        tellapart.Client("http://127.0.0.1:9", retries=0)
    with pytest.raises(ConfigError, match="no address"):
        tellapart.Client("localhost:3000")
