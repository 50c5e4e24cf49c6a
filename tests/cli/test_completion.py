"""Completion in a real shell."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from tellapart.cli import VERBS
from tellapart.cli.completion import SHELLS, completion_script
from tellapart.core.errors import ConfigError


@pytest.fixture(scope="module")
def scripts():
    return {shell: completion_script(shell, {name: VERBS[name] for name in ("split", "train")}) for shell in SHELLS}


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        (["tr"], ["train"]),
        ([""], ["split", "train"]),
        (["train", "--show"], ["--show-augment"]),
        (["split", "--seed", "3", "--fr"], ["--fractions"]),
        (["split", "--epo"], []),
        (["train", "pict"], ["pictures"]),
    ],
)
def test_bash_completes_verbs_options_and_files(scripts, words, completed, tmp_path):
    (tmp_path / "pictures").mkdir()
    given = " ".join(f"'{word}'" for word in ["tellapart", *words])
    asked = f'COMP_WORDS=({given})\nCOMP_CWORD={len(words)}\n_tellapart\nprintf "%s\\n" "${{COMPREPLY[@]}}"'
    command = ["bash", "-c", f"{scripts['bash']}\n{asked}"]
    answer = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert (answer.stdout.split(), answer.stderr) == (completed, "")


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_takes_its_script(scripts, shell):
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} on this machine")
    given = ["-n"] if shell != "fish" else ["--no-execute"]
    subprocess.run([shell, *given, "/dev/stdin"], input=scripts[shell], text=True, check=True)


def test_fish_knows_the_options_of_each_verb(scripts):
    assert "complete -c tellapart -n '__fish_seen_subcommand_from split' -l fractions" in scripts["fish"].splitlines()
    assert "complete -c tellapart -n __fish_use_subcommand -f -a 'split train'" in scripts["fish"].splitlines()


def test_another_shell_is_refused(refuses):
    with refuses(ConfigError, "no completion for 'bsh' (did you mean 'bash'?); there is bash, zsh, fish"):
        completion_script("bsh", VERBS)
