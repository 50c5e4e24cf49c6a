"""The processes of a server: the one above (``supervisor LISTENER LOCK``) and those that answer (``worker ...``).

The words are numbers of files that `tellapart serve`, or the process above, has opened and passed on.
"""

from __future__ import annotations

import os
import socket
import sys

from tellapart.serving.settings import Settings


def main(words: list[str]) -> int:
    """Be that process; the exit status."""
    kind, listener, other = words[0], socket.socket(fileno=int(words[1])), int(words[2])
    os.umask(0o077)
    settings = Settings.from_environment()
    if kind == "worker":
        from tellapart.serving.worker import run

        return run(settings, listener, other)
    from tellapart.serving.supervisor import Supervisor

    return Supervisor(settings, listener, other).run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
