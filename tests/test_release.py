"""``scripts/release``: a tag is a release only if pyproject.toml and the changelog say the same version."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CHANGELOG = """# Changelog

## [Unreleased]

## [1.2.0] - 2026-12-01

### Added

- A verb.

## [1.1.0] - 2026-11-30

- Old.
"""


def release(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The script, run on a repository."""
    command = [sys.executable, str(ROOT / "scripts" / "release"), *arguments, "--root", str(root)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Version 1.2.0, ready for release."""
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\nversion = "1.2.0"\n')
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    return tmp_path


def test_the_same_version_everywhere_is_a_release(repository: Path) -> None:
    ran = release(repository, "--check", "v1.2.0")
    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.mark.parametrize(
    ("old", "new", "tag", "message"),
    [
        ("", "", "v1.3.0", "the tag is v1.3.0, but pyproject.toml has version 1.2.0: the tag must be v1.2.0"),
        ("", "", "1.2.0", "the tag is 1.2.0, but pyproject.toml has version 1.2.0: the tag must be v1.2.0"),
        ("[1.2.0]", "[1.2.1]", "v1.2.0", "the top section is 1.2.1, but pyproject.toml has version 1.2.0"),
        (" - 2026-12-01", "", "v1.2.0", "the section 1.2.0 has no date: write '## [1.2.0] - YYYY-MM-DD'"),
        (" - 2026-12-01", " - 2026-13-01", "v1.2.0", "the section 1.2.0 has no date"),
        ("### Added\n\n- A verb.\n", "", "v1.2.0", "the section 1.2.0 is empty"),
        ("[Unreleased]\n", "[Unreleased]\n\n- New.\n", "v1.2.0", "the section Unreleased is not empty"),
        (CHANGELOG, "# Changelog\n", "v1.2.0", "has no section of a release: add '## [1.2.0] - YYYY-MM-DD'"),
    ],
)
def test_a_difference_is_said(repository: Path, old: str, new: str, tag: str, message: str) -> None:
    (repository / "CHANGELOG.md").write_text(CHANGELOG.replace(old, new) if old else CHANGELOG)
    ran = release(repository, "--check", tag)
    assert ran.returncode == 1
    assert message in ran.stderr


def test_the_notes_are_the_section(repository: Path) -> None:
    assert release(repository, "--notes", "v1.2.0").stdout == "### Added\n\n- A verb.\n"
    ran = release(repository, "--notes", "v9.0.0")
    assert (ran.returncode, ran.stderr) == (1, "CHANGELOG.md has no section of v9.0.0\n")


def test_this_changelog_becomes_a_release_by_a_heading(tmp_path: Path) -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    dated = f"## [Unreleased]\n\n## [{version}] - 2026-12-01\n"
    (tmp_path / "CHANGELOG.md").write_text(text.replace("## [Unreleased]\n", dated), encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text(encoding="utf-8"), encoding="utf-8")
    assert release(tmp_path, "--check", f"v{version}").stderr == ""
