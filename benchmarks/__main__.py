"""Run one benchmark, or list them.

    python -m benchmarks list
    python -m benchmarks NAME [OPTIONS] [--json FILE]
    python -m benchmarks NAME --help

``--json FILE`` also writes what was measured: ``{"name", "command", "commit", "figures"}``. A NAME is that of a module
below ``benchmarks``: ``memory``, or ``training/memory``.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import json
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


def benchmarks() -> dict[str, str]:
    """``folder/name`` → the first line of the docstring, for each module that has a function ``main``.

    Reads the source, so that listing imports nothing.
    """
    found = {}
    for path in sorted(HERE.glob("*/*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if any(isinstance(node, ast.FunctionDef) and node.name == "main" for node in tree.body):
            found[path.relative_to(HERE).with_suffix("").as_posix()] = (ast.get_docstring(tree) or "").split("\n")[0]
    return found


def list_all() -> None:
    """Print each benchmark with its line, folder by folder."""
    known = benchmarks()
    width = max(len(name.split("/")[1]) for name in known)
    folder = ""
    for name, line in known.items():
        if name.split("/")[0] != folder:
            folder = name.split("/")[0]
            print(f"{folder}:")
        print(f"  {name.split('/')[1]:<{width}}  {line}")


def commit() -> str | None:
    """The commit of the working tree, with ``+`` where it was changed; None outside of a repository."""
    command = ["git", "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty=+"]
    try:
        ran = subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return ran.stdout.strip()


def run(name: str, options: list[str], record: Path | None) -> int:
    """Run a benchmark with its options, and write its figures if ``record`` names a file; the exit status."""
    sys.argv = [name.split("/")[1], *options]
    main: Callable[[], dict[str, Any] | None] = importlib.import_module(f"benchmarks.{name.replace('/', '.')}").main
    figures = main()
    if record is None:
        return 0
    if not figures:
        print(f"{record}: not written, as nothing was measured", file=sys.stderr)
        return 1
    command = shlex.join(["python", "-m", "benchmarks", name.split("/")[1], *options])
    content = {"name": name, "command": command, "commit": commit(), "figures": figures}
    record.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return 0


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--json", type=Path)
    own, (name, *options) = parser.parse_known_args(sys.argv[1:] or ["--help"])
    if name in ("--help", "-h"):
        print((__doc__ or "").strip())
        return 0
    if name == "list":
        list_all()
        return 0
    matching = [each for each in benchmarks() if name in (each, each.split("/")[1])]
    if len(matching) != 1:
        print(f"{name}: no benchmark of this name; python -m benchmarks list shows them", file=sys.stderr)
        return 2
    return run(matching[0], options, own.json)


if __name__ == "__main__":
    sys.exit(main())
