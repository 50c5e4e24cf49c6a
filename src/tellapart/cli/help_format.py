"""How ``tellapart VERB --help`` looks: options with dashes and plain kinds of values, defaults that mean something."""

from __future__ import annotations

from argparse import SUPPRESS, Action, RawDescriptionHelpFormatter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from jsonargparse import ArgumentParser, DefaultHelpFormatter

# Groups of the options of `tellapart.training.config.TrainConfig`.
TRAINING_GROUPS: Mapping[str, Sequence[str]] = {
    "data": (
        "task", "coarse_labels", "label_from", "file_column", "label_column", "group_by", "limit", "allow_lost_classes",
        "new_labels",
    ),
    "network": (
        "effort", "backbone", "feature_level", "pool_grid", "pretrained", "weights", "init_from", "height", "width",
        "colour", "preprocess", "dropout", "ensemble", "cv_folds",
    ),
    "learning": (
        "stages", "epochs", "lr", "optimizer", "weight_decay", "momentum", "beta2", "batch_size", "patience", "seed",
        "augment", "augmentations", "textless", "views", "class_weights", "label_smoothing", "mixup", "ema",
    ),
    "decisions": ("positive_class", "threshold", "abstain", "flip_tta"),
    "machine": ("device", "precision", "cache_gb"),
}  # fmt: skip
_VALUES = (("list", "LIST"), ("dict", "MAPPING"), ("bool", "{true,false}"), ("int", "N"), ("float", "X"))
_METAVARS = {
    "backbone": "NAME", "checkpoint": "FILE", "coarse_labels": "FILE", "config": "FILE", "group_by": "COLUMN",
    "init_from": "MODEL", "label_from": "RULE", "out": "PATH", "picture": "PNG", "policy": "FILE", "recipe": "NAME",
    "report": "HTML", "server": "ADDRESS", "show_augment": "PNG", "space": "FILE", "threshold": "RULE",
    "track": "PLACE", "weights": "FILE",
}  # fmt: skip


class VerbHelpFormatter(DefaultHelpFormatter, RawDescriptionHelpFormatter):
    """Help of one verb; keeps the lines of the example."""

    def _format_usage(self, usage: Any, actions: Iterable[Action], *args: Any, **kwargs: Any) -> str:
        """Return one line: the verb, what it needs, and that there are options."""
        words = []
        for action in actions:
            if not action.option_strings:
                name = str(action.metavar or action.dest).upper()
                name += " ..." if action.nargs in ("*", "+") else ""
                words.append(f"[{name}]" if action.nargs in ("?", "*") else name)
            elif action.required:
                words.append(f"{_dashed(action.option_strings[-1])} {self._get_default_metavar_for_optional(action)}")
        return f"usage: {' '.join([self._prog, *words])} [options]\n\n"

    def _format_action_invocation(self, action: Action) -> str:
        if not action.option_strings:
            return str(action.metavar or action.dest).upper()
        names = [_dashed(name) for name in action.option_strings if not name.endswith("+")]
        if action.nargs == 0:
            return ", ".join(names)
        return f"{', '.join(names)} {self._format_args(action, self._get_default_metavar_for_optional(action))}"

    def _get_default_metavar_for_optional(self, action: Action) -> str:
        kind = str(self._get_type_str(action) or "")
        if "Literal[" in kind:
            choices = kind.split("Literal[")[1].split("]")[0].split(",")
            return "{" + ",".join(choice.strip(" '\"") for choice in choices) + "}"
        for name, value in _VALUES:
            if name in kind.lower():
                return value
        return _METAVARS.get(action.dest, action.dest.rpartition("_")[2].upper())

    def _get_help_string(self, action: Action) -> str:
        if getattr(action, "_jsonargparse_preexpanded_help", False):  # the parser asks twice where there is no help
            return action.help or ""
        text = (action.help or "").rstrip(".")
        if action.required and action.option_strings:
            return f"{text} (required)"
        if action.default in (None, SUPPRESS, False, [], "") or not action.option_strings:
            return text
        return f"{text} (default: {str(action.default).lower() if action.default is True else action.default})"

    def add_arguments(self, actions: Iterable[Action]) -> None:
        """Leave out the further names that the parser makes for itself, such as ``--stages.help``."""
        super().add_arguments([each for each in actions if not any("." in name for name in each.option_strings)])


def group_options(parser: ArgumentParser, groups: Mapping[str, Sequence[str]] = TRAINING_GROUPS) -> None:
    """Show the options of a verb under headings.

    Args:
        parser: that has the options already.
        groups: heading to the names of options; those that the parser lacks are passed over.
    """
    before = list(parser._action_groups)
    group_of: dict[str, Any] = {}
    for title, names in groups.items():
        group_of |= dict.fromkeys(names, parser.add_argument_group(title))
    for group in before:
        for action in list(group._group_actions):
            if action.dest in group_of:
                group._group_actions.remove(action)
                group_of[action.dest]._group_actions.append(action)
    parser._action_groups = [group for group in parser._action_groups if group._group_actions]


def _dashed(name: str) -> str:
    return "--" + name[2:].replace("_", "-") if name.startswith("--") else name
