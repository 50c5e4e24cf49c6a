"""``python -m tellapart``."""

import sys

from tellapart.cli import main

sys.exit(main())
