#!/usr/bin/env python
"""Run what the tutorials say, and write into them what came out.

    python scripts/tutorials.py                          # run all; exit status 1 where a command fails
    python scripts/tutorials.py --write [PAGE.md ...]    # also put outputs and pictures into the pages

In a page the blocks ``python`` and ``sh`` run, in their order and in one folder; a block ``text`` after one holds what
it printed. A picture of the page that a command wrote is copied to where the page looks for it.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import re
import shlex
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parents[1]
PAGES = [
    *sorted((ROOT / "docs" / "tutorials").glob("*.md")),
    *(ROOT / "docs" / "how-to" / f"{name}.md" for name in ("backbone", "notebooks")),
]
BLOCK = re.compile(r"^```(python|sh|yaml)\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL)
PICTURE = re.compile(r"!\[[^\]]*\]\(([^)]+)\)")


@dataclass(frozen=True)
class Ran:
    """A block of a page: its code, what it printed, what the page says that it prints, and the status."""

    code: str
    printed: str
    shown: str
    status: int


def run_page(path: Path) -> list[Ran]:
    """Run the blocks of a page in the working folder; it ends with the first that fails.

    A block ``yaml`` whose first line is ``# NAME`` becomes the file of that name.
    """
    from tellapart.training._torchvision import mend_torchvision

    mend_torchvision()  # before a page imports timm
    scope: dict[str, object] = {"__name__": "__main__"}
    ran = []
    for kind, code, shown in BLOCK.findall(path.read_text(encoding="utf-8")):
        if kind == "yaml":
            Path(code.splitlines()[0].removeprefix("# ")).write_text(code, encoding="utf-8")
            continue
        said, status = io.StringIO(), 0
        with contextlib.redirect_stdout(said):
            if kind == "python":
                exec(compile(code, path.name, "exec"), scope)
            else:
                status = _run_shell(code)
        ran.append(Ran(code, said.getvalue(), shown, status))
        if status:
            break
    return ran


def _run_shell(code: str) -> int:
    """Run lines of ``tellapart VERB ...`` in this process, which spares starts; the first status that is not 0."""
    from tellapart.cli import main

    for line in code.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if words and (words[0] != "tellapart" or (status := main(words[1:]))):
            return status if words[0] == "tellapart" else 2
    return 0


def write_page(path: Path, ran: list[Ran], folder: Path) -> list[Path]:
    """Put what the blocks printed, and the pictures that they wrote, where the page has them.

    Returns:
        The files that are not as they were.
    """
    outputs = iter(ran)

    def block(match: re.Match[str]) -> str:
        head = f"```{match[1]}\n{match[2]}```\n"
        if match[1] == "yaml":
            return head
        printed = re.sub(r"[ \t]+$", "", next(outputs).printed, flags=re.MULTILINE).strip("\n")
        return f"{head}\n```text\n{printed}\n```\n" if printed else head

    text = BLOCK.sub(block, path.read_text(encoding="utf-8"))
    changed = [path] if _replace(path, text.encode()) else []
    for name in PICTURE.findall(text):
        if (drawn := folder / Path(name).name).is_file():
            encoded = io.BytesIO()
            with Image.open(drawn) as picture:  # 64 colours are enough to look at, and small to keep
                picture.convert("RGB").quantize(64).save(encoded, "PNG", optimize=True)
            changed += [path.parent / name] if _replace(path.parent / name, encoded.getvalue()) else []
    return changed


def _replace(path: Path, content: bytes) -> bool:
    """Write a file that holds something else so far, and say whether it did."""
    if path.is_file() and path.read_bytes() == content:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return True


def main() -> int:
    """Run the pages, and write them if asked to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("pages", nargs="*", type=Path, default=PAGES)
    parser.add_argument("--write", action="store_true", help="put outputs and pictures into the pages")
    options = parser.parse_args()
    failed = 0
    for path in [page.resolve() for page in options.pages]:
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            ran = run_page(path)
            if ran[-1].status:
                failed = 1
                print(f"{path.name}: status {ran[-1].status} of:\n{ran[-1].code}", file=sys.stderr)
            elif options.write:
                changed = write_page(path, ran, Path(folder))
                names = ", ".join(os.path.relpath(each, ROOT) for each in changed)
                print(f"{path.name}: " + (f"wrote {names}" if changed else "as it was, nothing written"))
            else:
                print(f"{path.name}: {len(ran)} blocks ran")
            os.chdir(ROOT)
    return failed


if __name__ == "__main__":
    sys.exit(main())
