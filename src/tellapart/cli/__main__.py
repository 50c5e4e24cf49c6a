"""``python -m tellapart.cli``."""

import sys

from tellapart.cli import main

sys.exit(main())
