"""Command-line arguments: the parser of a verb, the options that verbs share, and the words as keyword arguments."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tellapart.cli.input_paths import check_input_paths
from tellapart.core.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from jsonargparse import ArgumentParser

DATA_HELP = "a folder, a table, Parquet shards, or a catalog"
CSV_SAFE_HELP = "print CSV, with a ' before a cell that a spreadsheet would take for a formula (=, +, -, @, tab)"
MODEL_HELP = "a run or a bundle; also a URL, or models:/NAME@ALIAS of MLflow's registry"
ON_HELP = "ray, or ray://HOST:PORT: on the machines of a cluster; else on this machine's cores"
DEVICE_HELP = "cpu, cuda, or auto: CUDA where ONNX Runtime has it here (the extra gpu)"
LABEL_FROM_HELP = (
    "folder; of file names prefix (cat of cat_1.jpg), text (all of ab3kz.png), or a regular expression with one group; "
    "auto: the table or the folders, where there are any, else text with --task read, and prefix without"
)
THRESHOLDS_HELP = 'check to threshold, e.g. {"near_duplicates": 0.98}'
POLICY_HELP = "a YAML file, check to drop, keep or {drop_above: score}; what it does not name is as by default"
INDEPENDENT_HELP = (
    "of a reader: read each picture alone; else many pictures are read in the view that suits them, and the "
    "alphabet and length that the sure readings share guide the others"
)
ALPHABET_HELP = "of a reader: the only characters that a text may hold, such as 0123456789"
PATTERN_HELP = (
    "of a reader: a regular expression that the text matches, such as [0-9]{5}; by default as many characters as its "
    "training texts have, if those were 20 or more and of one length"
)


def new_parser(verb: str, description: str, *, example: str) -> ArgumentParser:
    """The parser of a verb, with the option ``--json`` that every verb has.

    Args:
        verb: the name of the verb.
        description: what the verb does, in a sentence or two; ``--help`` begins with it.
        example: a command line of the verb; ``--help`` ends with it.

    Returns:
        A parser that raises on unusable words instead of ending the process.
    """
    import shutil
    import textwrap

    from jsonargparse import ArgumentParser

    from tellapart.cli.help_format import VerbHelpFormatter

    parser = ArgumentParser(
        prog=f"tellapart {verb}",
        description=textwrap.fill(description, shutil.get_terminal_size().columns - 2),
        epilog=f"example:\n  {example}",
        formatter_class=VerbHelpFormatter,
        exit_on_error=False,
        allow_abbrev=False,
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")
    return parser


def add_source_options(parser: ArgumentParser, *, task: bool = True) -> None:
    """Add DATA and the options that say how it is read, `tellapart.data.source_options.SOURCE_OPTIONS`.

    Args:
        parser: the verb's parser.
        task: whether the verb has a ``--task``; without it, a model says the task.
    """
    parser.add_argument("data", help=DATA_HELP)
    if task:
        add_task_option(parser)
    parser.add_argument("--coarse_labels", help="YAML file, group to list of classes")
    add_label_options(parser)


def add_task_option(parser: ArgumentParser) -> None:
    """Add the option that says what the labels are for."""
    parser.add_argument("--task", help="classify, read, or tag (several labels an image); by default as labels suggest")


def add_label_options(parser: ArgumentParser) -> None:
    """Add the options that say where labels stand, `tellapart.data.source_options.LABEL_OPTIONS`."""
    parser.add_argument("--label_from", default="auto", help=LABEL_FROM_HELP)
    parser.add_argument("--file_column", help="the table column that names the image")
    parser.add_argument("--label_column", help="the table column that holds the class or text")
    parser.add_argument("--group_by", help="a table column whose equal values never cross a split")


def parse(parser: ArgumentParser, words: list[str], *, defaults: bool = True) -> tuple[dict[str, Any], bool]:
    """Parse the words of a verb. ``--label-from`` is ``--label_from``.

    Args:
        parser: the verb's parser.
        words: the command line after the verb.
        defaults: whether options that the words leave out have their defaults in the result.

    Returns:
        The options as keyword arguments, and whether JSON is wanted.

    Raises:
        ConfigError: an unknown option, a missing argument, a value of another type, or a file that is not there.
        CatalogError: data that is not there.
    """
    from jsonargparse import ArgumentError

    try:
        namespace = parser.parse_args([_with_underscores(word) for word in words], defaults=defaults)
    except ArgumentError as error:
        from tellapart.core.option_errors import in_plain_words

        text = in_plain_words(error)
        if text.startswith("unrecognized arguments: --"):
            option = text.split()[2].partition("=")[0].removeprefix("--")
            known = [name.removeprefix("--") for name in parser._option_string_actions]
            text = f"no option {option!r}{_instead(option, known) or did_you_mean(option, known)}"
        elif text.startswith("unrecognized arguments: -") and Path(name := text.partition(": ")[2].split()[0]).exists():
            text = f"{name}: it begins with a dash, as options do; write {shlex.quote(f'./{name}')}"
        elif text.startswith("unrecognized arguments: "):
            text += _word_too_many(parser.prog.removeprefix("tellapart "), text.partition(": ")[2].split()[0])
        raise ConfigError(f"{text} (see {parser.prog} --help)") from error
    options = dict(namespace.as_dict())
    as_json = bool(options.pop("json", False))
    check_input_paths(parser.prog.removeprefix("tellapart "), options)
    return options, as_json


def _word_too_many(verb: str, word: str) -> str:
    """Say what to do with a word that a verb has no place for; nothing where that cannot be told.

    >>> _word_too_many("generate", "digits"), _word_too_many("split", "more")
    ('; did you mean --scheme digits?', '')
    """
    if verb == "explain":
        return "; one image at a time"
    if verb != "generate":
        return ""
    from tellapart.synthesis.presets import SCHEMES

    if word in SCHEMES or word.endswith((".yaml", ".yml")):
        return f"; did you mean --scheme {word}?"
    return f"; did you mean --like {word}?" if Path(word).exists() else did_you_mean(word, SCHEMES)


# What other tools call an option, and ours that does it, with an example value.
_ELSEWHERE = {
    ("learning_rate", "lr0"): ("lr", "0.001"),
    ("opt", "optim"): ("optimizer", "sgd"),
    ("wd", "decay"): ("weight_decay", "0.01"),
    ("subset", "max_samples", "fraction", "limit_train"): ("limit", "1000"),
    ("class_weight", "weight_classes"): ("class_weights", "'{cat: 2}'"),
    ("freeze", "unfreeze", "fine_tune"): ("stages", "'[{train: head, epochs: 3}, {train: all, epochs: 5}]'"),
    ("batch", "bs"): ("batch_size", "32"),
    ("gpu", "gpus", "cuda", "cpu"): ("device", "cuda"),
    ("image_size", "img_size", "imgsz", "size", "resolution"): ("height", "224"),
    ("model", "arch", "net", "architecture"): ("backbone", "efficientnet_lite0"),
    ("groups", "classes", "mapping"): ("coarse_labels", "groups.yaml"),
    ("checkpoint", "resume_from"): ("init_from", "runs/other"),
    ("output", "output_dir", "project", "save_dir", "name"): ("out", "runs/one"),
    ("augmentation", "aug", "transforms"): ("augment", "photo"),
    ("early_stopping",): ("patience", "5"),
    ("smoothing",): ("label_smoothing", "0.1"),
    ("random_state", "random_seed"): ("seed", "1"),
    ("mlflow", "logger"): ("track", "mlruns"),
    ("careful",): ("tta", ""),
    ("groups_by", "together"): ("group_by", "COLUMN"),
}  # fmt: skip


def _instead(option: str, known: list[str]) -> str:
    """Say which option of a verb does what another tool's option of this name does; nothing where none does.

    >>> _instead("learning_rate", ["lr"])
    '; --lr does it, such as --lr 0.001'
    """
    for names, (ours, value) in _ELSEWHERE.items():
        if option.lower() in names and ours in known:
            name = "--" + ours.replace("_", "-")
            return f"; {name} does it" + (f", such as {name} {value}" if value else "")
    return ""


def _with_underscores(word: str) -> str:
    """An option's name as Python spells it; its value, and any other word, as it stands.

    >>> _with_underscores("--label-from=a-b"), _with_underscores("a-b")
    ('--label_from=a-b', 'a-b')
    """
    if not word.startswith("--"):
        return word
    name, equals, value = word.partition("=")
    return "--" + name[2:].replace("-", "_") + equals + value
