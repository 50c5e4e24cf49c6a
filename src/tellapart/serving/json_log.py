"""What a server says on stderr: one JSON object a line, for people and for whatever collects logs."""

from __future__ import annotations

import json
import logging
import os
import sys
import time
import traceback
from typing import Any


def log_event(event: str, *, level: str = "info", **fields: Any) -> None:
    """Write one line.

    A line is written by one call, so that those of several processes do not run into each other; what stands in it is
    ASCII, so that no sign of a file name or a label is obeyed by a terminal.

    Args:
        event: what happened, in one word.
        level: ``info``, ``warning`` or ``error``.
        fields: what else is known of it; those that are None are left out.
    """
    now = time.time()
    moment = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(now))}.{int(now % 1 * 1000):03d}Z"
    known = {name: value for name, value in fields.items() if value is not None}
    line = json.dumps({"time": moment, "level": level, "event": event, "pid": os.getpid(), **known}, default=str)
    try:
        sys.stderr.write(line + "\n")
        sys.stderr.flush()
    except (OSError, ValueError):  # nobody reads any more; that ends no server
        return


class JsonHandler(logging.Handler):
    """Lines of Python's logging, of ours and of libraries, as `log_event` writes them."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record, with its traceback if it has one."""
        trace = "".join(traceback.format_exception(*record.exc_info)) if record.exc_info else None
        log_event(
            "log", level=record.levelname.lower(), logger=record.name, message=record.getMessage(), traceback=trace
        )


def log_as_json() -> None:
    """Let all loggers of this process write JSON lines, warnings and errors alone."""
    root = logging.getLogger()
    root.handlers[:] = [JsonHandler()]
    root.setLevel(logging.WARNING)
