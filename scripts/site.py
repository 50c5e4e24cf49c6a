#!/usr/bin/env python
"""Build the documents as a site that works from a folder, without a request to anywhere.

    python scripts/site.py            # into site/; a warning, such as a link that leads nowhere, is an error
    python scripts/site.py --serve    # and show it at http://127.0.0.1:8000

The pages of the command line and of Python are written here, from the parsers and the docstrings.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import http.server
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "src"))

import tellapart  # noqa: E402
from tellapart.cli import USAGE, VERBS  # noqa: E402

ELSEWHERE = {  # documents that lie outside docs/, and their pages
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "benchmarks/README.md": "benchmarks.md",
    "training/README.md": "base-reader.md",
}
GENERATED = ("api.md", "commands.md")
LINK = re.compile(r"(!?)\[([^\[\]]*)\]\(([^)#\s]+)(#[^)\s]*)?\)")


def pages() -> dict[Path, Path]:
    """Each document, and the place of its page below the site's docs."""
    docs = {path: path.relative_to(ROOT / "docs") for path in sorted((ROOT / "docs").rglob("*.md"))}
    return docs | {ROOT / name: Path(page) for name, page in ELSEWHERE.items()}


def with_links(text: str, path: Path) -> str:
    """The text of a document whose links lead to pages; a link to what is no page keeps its words alone.

    Args:
        text: Markdown.
        path: where the document lies.
    """
    known = pages()

    def link(match: re.Match[str]) -> str:
        mark, words, target, anchor = match[1], match[2], match[3], match[4] or ""
        wanted = (path.parent / target).resolve()
        if "://" in target or not wanted.exists():
            return match[0]
        if wanted in known:
            place = known[wanted]
        elif wanted.is_relative_to(ROOT / "docs") and wanted.is_file():
            place = wanted.relative_to(ROOT / "docs")
        else:
            return words
        return f"{mark}[{words}]({os.path.relpath(place, known[path].parent)}{anchor})"

    return LINK.sub(link, text)


def commands() -> str:
    """The page of the command line: what each verb says of itself."""
    parts = ["# Command line", "What `tellapart VERB --help` says, of every verb.", f"```text\n{USAGE}\n```"]
    os.environ["COLUMNS"] = "110"
    for name, verb in VERBS.items():
        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.suppress(SystemExit):
            verb(["--help"])
        parts.append(f"## {name}\n\n```text\n{said.getvalue().rstrip()}\n```")
    return "\n\n".join(parts) + "\n"


def api() -> str:
    """The page of Python: every public name, by its docstring."""
    names = sorted(tellapart.__all__, key=lambda name: (name[0].isupper(), name))
    return "\n\n".join(["# Python", "Every verb is a function.", *(f"::: tellapart.{name}" for name in names)]) + "\n"


def stage(folder: Path) -> None:
    """Lay out what the site is built from: configuration, documents, generated pages, and the source."""
    shutil.copy(ROOT / "zensical.toml", folder)
    shutil.copytree(ROOT / "docs", folder / "docs")
    for name in ("src", "scripts"):
        (folder / name).symlink_to(ROOT / name)
    for path, place in pages().items():
        text = with_links(path.read_text(encoding="utf-8"), path)
        (folder / "docs" / place).write_text(text, encoding="utf-8")
    for name, write in zip(GENERATED, (api, commands), strict=True):
        (folder / "docs" / name).write_text(write(), encoding="utf-8")


def build(out: Path) -> None:
    """Build the site into ``out``, whole or not at all.

    Raises:
        subprocess.CalledProcessError: a warning or an error, which stands on stderr.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        stage(folder)
        subprocess.run([sys.executable, "-m", "zensical", "build", "--strict"], cwd=folder, check=True)
        shutil.rmtree(out, ignore_errors=True)
        shutil.move(folder / "site", out)


def main() -> int:
    """Build, and serve if asked to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("out", nargs="?", type=Path, default=ROOT / "site", help="the folder to write")
    parser.add_argument("--serve", action="store_true", help="show it at http://127.0.0.1:8000")
    options = parser.parse_args()
    try:
        build(options.out)
    except subprocess.CalledProcessError:
        return 1
    print(f"the site is in {options.out}: open {options.out / 'index.html'}")
    if options.serve:
        handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=options.out)
        with (
            contextlib.suppress(KeyboardInterrupt),
            http.server.ThreadingHTTPServer(("127.0.0.1", 8000), handler) as it,
        ):
            print("serving at http://127.0.0.1:8000; Ctrl-C ends it")
            it.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
