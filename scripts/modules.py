#!/usr/bin/env python
"""Write what the source itself says of its structure: the tree of rooms in CONTRIBUTING.md, and docs/modules.md.

    python scripts/modules.py           # write both
    python scripts/modules.py --check   # exit status 1 where one is not up to date

A room's line is the first sentence of its ``__init__.py``; a module's line is the first line of its docstring.
"""

from __future__ import annotations

import argparse
import ast
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
SRC = ROOT / "src" / "tellapart"
BEGIN, END = "<!-- modules: begin -->", "<!-- modules: end -->"
# From what everybody imports to what imports everybody.
ROOMS = ("core", "metrics", "data", "inference", "viz", "synthesis", "curation", "training", "evaluation", "serving",
         "scale", "pipelines", "cli")  # fmt: skip


def summary(path: Path) -> str:
    """The first paragraph of a file's docstring, on one line."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return " ".join(text.split("\n\n")[0].split())


def tree() -> str:
    """The rooms, one line each, as CONTRIBUTING.md shows them."""
    lines = ["src/tellapart/"]
    lines += [f"  {room + '/':<12} {summary(SRC / room / '__init__.py')}" for room in ROOMS]
    return "\n".join(f"    {line}" for line in lines)


def modules() -> str:
    """Every module with its line, room by room, as Markdown."""
    parts = ["# Modules\n\nWritten by `python scripts/modules.py` from the docstrings; do not edit by hand."]
    for room in ROOMS:
        lines = [f"## {room}", "", summary(SRC / room / "__init__.py"), ""]
        for path in sorted((SRC / room).rglob("*.py")):
            name = path.relative_to(SRC).as_posix()
            if path.name != "__init__.py":
                lines.append(f"- [`{name}`](../src/tellapart/{name}): {summary(path)}")
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def wanted() -> dict[Path, str]:
    """File → what should stand in it."""
    page = ROOT / "CONTRIBUTING.md"
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    return {
        page: f"{before}{BEGIN}\n\n{tree()}\n\n{END}{after}",
        ROOT / "docs" / "modules.md": modules(),
    }


def main() -> int:
    """Write the files, or with ``--check`` compare them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit status 1 where a file differs")
    check = parser.parse_args().check
    stale = [path for path, text in wanted().items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    for path in stale:
        if check:
            print(f"{path.relative_to(ROOT)}: not up to date; run python scripts/modules.py", file=sys.stderr)
        else:
            path.write_text(wanted()[path], encoding="utf-8")
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
