"""Completion of verbs, options and file names in bash, zsh and fish, from the help of the verbs themselves."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Callable, Mapping

from tellapart.core.errors import ConfigError, did_you_mean

SHELLS = ("bash", "zsh", "fish")

_BASH = """_tellapart() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} options=
  if [ "$COMP_CWORD" = 1 ]; then
    COMPREPLY=($(compgen -W "{verbs}" -- "$current"))
    return
  fi
  case ${{COMP_WORDS[1]}} in
{cases}
  esac
  case $current in
    -*) COMPREPLY=($(compgen -W "$options" -- "$current")) ;;
    *) COMPREPLY=($(compgen -f -- "$current")) ;;
  esac
}}
complete -o filenames -F _tellapart tellapart"""


def completion_script(shell: str, verbs: Mapping[str, Callable[[list[str]], int]]) -> str:
    """Return a script that a shell runs at its start, such as by ``eval "$(tellapart --completion bash)"``.

    Args:
        shell: bash, zsh or fish.
        verbs: the name of each verb, and its function of the words after it.

    Raises:
        ConfigError: another shell.
    """
    if shell not in SHELLS:
        raise ConfigError(f"no completion for {shell!r}{did_you_mean(shell, SHELLS)}; there is {', '.join(SHELLS)}")
    options = {name: _options(verb) for name, verb in verbs.items()}
    if shell == "fish":
        lines = [f"complete -c tellapart -n __fish_use_subcommand -f -a '{' '.join(verbs)}'"]
        for name, those in options.items():
            lines += [
                f"complete -c tellapart -n '__fish_seen_subcommand_from {name}' -l {option[2:]}" for option in those
            ]
        return "\n".join(lines)
    cases = "\n".join(f"    {name}) options='{' '.join(those)}' ;;" for name, those in options.items())
    script = _BASH.format(verbs=" ".join(verbs), cases=cases)
    return f"autoload -U +X bashcompinit && bashcompinit\n{script}" if shell == "zsh" else script


def _options(verb: Callable[[list[str]], int]) -> list[str]:
    """The options that the help of a verb names, in its order."""
    text = io.StringIO()
    with contextlib.redirect_stdout(text), contextlib.suppress(SystemExit):
        verb(["--help"])
    return list(dict.fromkeys(re.findall(r"^ +(?:-\w, )?(--[a-z][a-z-]+)", text.getvalue(), re.MULTILINE)))
