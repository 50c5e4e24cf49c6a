"""The paths on a command line are looked for before anything is loaded: torch alone takes many seconds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tellapart.core.errors import CatalogError, ConfigError
from tellapart.core.regular_files import open_regular

# Options that name a file to read: what it is to a person, as the error of reading it says.
FILES = {
    "config": "",
    "space": "",
    "policy": "the policy ",
    "coarse_labels": "the groups file ",
    "corrections": "",
}
_WRITTEN = {"web": ("corrections",)}  # by a verb, which makes the folder
_OF_DATA = ("coarse_labels", "corrections")  # whose errors are those of the data


def check_input_paths(verb: str, options: Mapping[str, Any]) -> None:
    """Look for what the options of a verb name.

    Args:
        verb: the name of the verb.
        options: as they were parsed; those that name no input are passed over.

    Raises:
        CatalogError, ConfigError: there is no such file, or it cannot be read.
    """
    for name, what in FILES.items():
        if options.get(name) is not None and name not in _WRITTEN.get(verb, ()):
            _check_file(str(options[name]), what, CatalogError if name in _OF_DATA else ConfigError)
    if options.get("data") is not None and not options.get("known"):  # one image may be looked up too
        from tellapart.data.opening import check_source

        for source in (options["data"], *(options.get("more") or ())):
            check_source(source)
    if verb == "strength":
        _check_target(options["target"])
    if verb == "export":
        from tellapart.training.run_folder import Run

        Run.open(options["run"])
    if verb == "adapt" and options.get("model") is not None:
        _check_beginning("model", options["model"])
    if options.get("init_from") is not None and not _is_finished(options.get("out")):
        _check_beginning("init_from", options["init_from"])


def _check_beginning(name: str, source: str) -> None:
    from tellapart.pipelines.preconditions import check_beginning

    check_beginning(name, source)


def _is_finished(out: str | None) -> bool:
    """Whether a run has its weights: what it began with may be gone."""
    from tellapart.training.run_folder import MODEL

    return out is not None and (Path(out) / MODEL).is_file()


def _check_target(target: str) -> None:
    """A CAPTCHA: a named scheme, a scheme's YAML file, or labelled images."""
    from tellapart.synthesis import SCHEMES

    if target in (*SCHEMES, "random"):
        return
    if Path(target).suffix.lower() in (".yaml", ".yml"):
        _check_file(target, "the scheme ", ConfigError)
        return
    from tellapart.data.opening import check_source

    check_source(target)


def _check_file(path: str, what: str, error: type[CatalogError | ConfigError]) -> None:
    try:
        with open_regular(path):
            pass
    except (OSError, ValueError) as cause:
        reason = cause.strerror if isinstance(cause, OSError) else cause
        raise error(f"{path}: {what}cannot be read: {reason}") from cause
