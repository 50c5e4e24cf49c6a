"""Command lines that run as printed: how this process was started, and how an extra is installed beside it."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from importlib import metadata
from pathlib import Path


def own_command() -> str:
    """How ``tellapart`` is called where this process was called.

    Returns:
        ``tellapart`` where the shell finds this very one, or where another program imported the package; else its
        path, such as ``.venv/bin/tellapart``, or ``PYTHON -m tellapart``.
    """
    started = Path(sys.argv[0])
    if started.name == "__main__.py" and started.parent.name == "tellapart":
        return f"{_python()} -m tellapart"
    if started.stem != "tellapart" or _found(started):
        return "tellapart"
    return shlex.quote(_shortest(started))


def install_command(extra: str) -> str:
    """The line that installs an extra into this environment, from the checkout or the index that the package is from.

    Args:
        extra: such as ``train``.
    """
    pip = "pip" if _found(Path(sys.executable).parent / "pip") else f"{_python()} -m pip"
    checkout = _checkout()
    if checkout is None:
        return f'{pip} install "tellapart[{extra}]"'
    constraints = shlex.quote(_shortest(checkout / "constraints.txt"))
    return f'{pip} install -c {constraints} -e "{_shortest(checkout)}[{extra}]"'


def _checkout() -> Path | None:
    """The folder that the package was installed from by ``pip install -e``."""
    try:
        origin = json.loads(metadata.distribution("tellapart").read_text("direct_url.json") or "{}")
    except metadata.PackageNotFoundError:
        return None
    if not origin.get("dir_info", {}).get("editable"):
        return None
    folder = Path(origin["url"].removeprefix("file://"))
    return folder if (folder / "constraints.txt").is_file() else None


def _found(program: Path) -> bool:
    """Whether the shell finds this program by its name alone."""
    found = shutil.which(program.name)
    return found is not None and Path(found).absolute() == program.absolute()


def _python() -> str:
    python = Path(sys.executable)
    return python.name if _found(python) else shlex.quote(_shortest(python))


def _shortest(path: Path) -> str:
    """A path relative to the working folder if it lies below it."""
    absolute, here = path.absolute(), Path.cwd()
    return str(absolute.relative_to(here)) if absolute.is_relative_to(here) else str(absolute)
