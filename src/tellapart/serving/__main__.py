"""BentoML's `serve`, looking every second whether its processes live: by itself it looks every ten."""

from __future__ import annotations

import sys
from functools import partial

from bentoml._internal.utils import circus
from bentoml_cli.cli import cli

LOOK = 1.0  # seconds

if __name__ == "__main__":
    circus.create_standalone_arbiter = partial(circus.create_standalone_arbiter, check_delay=LOOK)
    sys.exit(cli())
