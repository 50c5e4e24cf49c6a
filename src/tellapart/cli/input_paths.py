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
    "plan": "the plan ",
    "policy": "the policy ",
    "coarse_labels": "the groups file ",
    "corrections": "",
}
_WRITTEN = {"web": ("corrections",)}  # by a verb, which makes the folder
_AFTER_MODEL = {  # of verbs that begin with MODEL: the argument that comes after it
    "evaluate": "data",
    "map": "data",
    "embed": "data",
    "predict": "inputs",
    "next": "pool",
    "explain": "image",
    "drift": "window",
}
_OF_DATA = ("coarse_labels", "corrections")  # whose errors are those of the data


def check_input_paths(verb: str, options: Mapping[str, Any]) -> None:
    """Look for what the options of a verb name.

    Args:
        verb: the name of the verb.
        options: as they were parsed; those that name no input are passed over.

    Raises:
        CatalogError, ConfigError: there is no such file, or it cannot be read.
    """
    _check_places(verb, options)
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


def _check_places(verb: str, options: Mapping[str, Any]) -> None:
    """Refuse pictures where a model belongs."""
    if verb in _AFTER_MODEL and options.get("server") is None:
        _check_order(verb, options["model"], options[_AFTER_MODEL[verb]])
    if verb == "compare" and options.get("data") is None:
        _check_models(options["models"])


def _check_order(verb: str, model: str, others: str | list[str]) -> None:
    """Refuse pictures in the place of the model, where a model stands in theirs."""
    others = [others] if isinstance(others, str) else others
    found = next((other for other in others if _is_model(other)), None)
    if found is not None and Path(model).exists() and not _is_model(model):
        raise ConfigError(f"{model}: no run or bundle, and {found} is one; MODEL comes first: tellapart {verb} {found}")


def _check_models(models: list[str]) -> None:
    """Refuse pictures among the models to compare."""
    if pictures := [each for each in models if Path(each).exists() and not _is_model(each)]:
        raise ConfigError(f"{pictures[0]}: no run or bundle; did you mean --data {pictures[0]}?")


def _is_model(path: str) -> bool:
    """Whether a path leads to a run or a bundle, or names a shipped reader."""
    from tellapart.inference.base_model import is_shipped
    from tellapart.inference.manifest import MANIFEST

    if is_shipped(path):
        return True
    return any((Path(path) / name).is_file() for name in (MANIFEST, f"bundle/{MANIFEST}", "config.yaml"))


def _check_beginning(name: str, source: str) -> None:
    from tellapart.pipelines.preconditions import check_beginning

    check_beginning(name, source)


def _is_finished(out: str | None) -> bool:
    """Whether a run has its weights: what it began with may be gone."""
    from tellapart.training.run_folder import MODEL

    return out is not None and (Path(out) / MODEL).is_file()


def _check_target(target: str) -> None:
    """A CAPTCHA: a named scheme, a scheme's YAML file, or labelled images."""
    from tellapart.synthesis.presets import SCHEMES, check_pictures

    if target in (*SCHEMES, "random"):
        return
    if Path(target).suffix.lower() in (".yaml", ".yml"):
        _check_file(target, "the scheme ", ConfigError)
        return
    check_pictures(target)


def _check_file(path: str, what: str, error: type[CatalogError | ConfigError]) -> None:
    try:
        with open_regular(path):
            pass
    except (OSError, ValueError) as cause:
        reason = cause.strerror if isinstance(cause, OSError) else cause
        raise error(f"{path}: {what}cannot be read: {reason}") from cause
