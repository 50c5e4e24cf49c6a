"""Verbs that train: train, adapt and tune, the packaged recipes, and the demo."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tellapart.cli.arguments import DATA_HELP, new_parser, parse
from tellapart.cli.output import scores_table, show
from tellapart.core.own_commands import own_command
from tellapart.data.source_options import SOURCE_OPTIONS

if TYPE_CHECKING:
    from tellapart.pipelines.tune import TuneResult


def train_verb(words: list[str]) -> int:
    """``tellapart train DATA``: train a recogniser, pack it, and report on the test part."""
    from tellapart.cli.help_format import group_options
    from tellapart.training.config import TrainConfig

    parser = new_parser(
        "train",
        "Train a recogniser, pack it as a bundle and report on the test part. Of several sources the later "
        "ones add to the first; of a picture that stands in two of them the later label wins.",
        example="tellapart train photos --out runs/photos --epochs 3",
    )
    parser.add_argument("data", nargs="?", help=DATA_HELP)
    parser.add_argument("more", nargs="*", help="further sources that add to it or correct it")
    parser.add_argument("--out", help="the run folder; the same command goes on where it stopped")
    parser.add_argument("--show_augment", help="also a PNG: training images and what augmentation makes of them")
    parser.add_argument("--live", action="store_true", help="also a page in the run folder that shows the training")
    parser.add_argument("--track", help="a folder or URI where MLflow keeps the run too, each epoch as it ends")
    parser.add_argument("--recipe", help="a packaged recipe, see `tellapart recipes`")
    parser.add_argument("--config", help="a YAML file of the options below")
    parser.add_argument("--from_scratch", action="store_true", help="the same as --pretrained false")
    parser.add_class_arguments(TrainConfig)
    group_options(parser)
    options, as_json = parse(parser, words, defaults=False)
    if options.pop("from_scratch", False):
        options["pretrained"] = False
    from tellapart import train

    result = train(options.pop("data", None), *(options.pop("more", None) or ()), **options)
    prose = (
        f"run     {result['run']} ({result['seconds']} s)\nbundle  {result['bundle']}\n"
        f"next    {own_command()} predict {result['bundle']} IMAGE ..."
    )
    return show(as_json, result, lambda: f"{scores_table(result['test'])}\n\n{prose}")


def adapt_verb(words: list[str]) -> int:
    """``tellapart adapt PICTURES``: a reader learns from its own sure readings."""
    from tellapart.cli.help_format import group_options
    from tellapart.training.config import OF_CLASSIFIERS, TrainConfig

    parser = new_parser(
        "adapt",
        "A reader teaches itself what it is sure to read of pictures without labels.",
        example="tellapart adapt pictures --out runs/adapted --pattern '[0-9]{5}'",
    )
    parser.add_argument("data", help="a folder of pictures of one kind, or a catalog; labels are not looked at")
    parser.add_argument("--out", required=True, help="a folder for the runs; the same command goes on where it stopped")
    parser.add_argument(
        "--model", default="base", help="the reader to begin with: base, a run, or a bundle with weights"
    )
    parser.add_argument("--rounds", type=int, default=3, help="how often it reads all, and learns")
    parser.add_argument("--alphabet", help="the only characters that a text may hold, where that is known")
    parser.add_argument("--pattern", help="a regular expression that the text matches, such as [0-9]{5}")
    of_classes = {"positive_class", "threshold", "cv_folds", *OF_CLASSIFIERS}
    of_data = {"limit", "allow_lost_classes", "new_labels", *SOURCE_OPTIONS}
    parser.add_class_arguments(TrainConfig, skip={"init_from", "pretrained", *of_data, *of_classes})
    group_options(parser)
    options, as_json = parse(parser, words, defaults=False)
    from tellapart import adapt

    result = adapt(options.pop("data"), **options)
    sure = ", ".join(f"{number:,}" for number in result["sure"])
    prose = (
        f"sure of {sure} of {result['n']:,} pictures, round after round\n"
        f"run     {result['run']} ({result['seconds']} s)\nbundle  {result['bundle']}\n"
        f"next    label some, and learn how good it is: {own_command()} evaluate {result['bundle']} LABELLED"
    )
    return show(as_json, result, lambda: prose)


def tune_verb(words: list[str]) -> int:
    """``tellapart tune DATA``: search for options that validate better."""
    from tellapart.cli.help_format import group_options
    from tellapart.training.config import TrainConfig

    parser = new_parser(
        "tune",
        "Search for options that validate better; what is said here stays as it is.",
        example="tellapart tune photos --out runs/photos-tune --minutes 10",
    )
    parser.add_argument("data", help=DATA_HELP)
    parser.add_argument("--out", help="the search's folder; the same command goes on where it stopped")
    parser.add_argument("--minutes", type=float, help="the budget in all; 30 if no budget is given")
    parser.add_argument("--trials", type=int, help="stop after so many complete or pruned trials in all")
    parser.add_argument("--space", help="YAML, option: [values] or {low, high, log}; replaces the default space")
    parser.add_argument("--recipe", help="a packaged recipe, see `tellapart recipes`")
    parser.add_argument("--config", help="a YAML file of the options below")
    parser.add_argument(
        "--storage", help="FILE.journal or postgresql://...: machines that say the same share the search"
    )
    parser.add_class_arguments(TrainConfig)
    group_options(parser)
    options, as_json = parse(parser, words, defaults=False)
    from tellapart import tune

    result = tune(options.pop("data"), **options)
    return show(as_json, result, lambda: _search_table(result))


def recipes_verb(words: list[str]) -> int:
    """``tellapart recipes [NAME]``: the packaged recipes."""
    parser = new_parser(
        "recipes",
        "The packaged recipes: command, data, time and score of each.",
        example="tellapart recipes captcha-text",
    )
    parser.add_argument("name", nargs="?", help="print the whole of one")
    options, as_json = parse(parser, words)
    from tellapart import recipes

    texts = recipes(options["name"])
    prose = "\n\n".join(text if options["name"] else f"{name}\n{text}" for name, text in texts.items())
    return show(as_json, {"recipes": texts}, lambda: prose.rstrip())


def demo_verb(words: list[str]) -> int:
    """``tellapart demo``: the whole path on drawn CAPTCHAs."""
    parser = new_parser(
        "demo",
        "The whole path on drawn CAPTCHAs: draw, train, evaluate, pack, read fresh ones.",
        example="tellapart demo --out demo",
    )
    parser.add_argument("--out", default="demo", help="where everything is put")
    options, as_json = parse(parser, words)
    from tellapart import demo

    result = demo(out=options["out"])
    return show(as_json, result, lambda: str(result["summary"]))


def _search_table(result: TuneResult) -> str:
    untuned = "" if result["untuned"] is None else f", untuned {result['untuned']:.4f}"
    counts = ", ".join(f"{number} {state}" for state, number in result["trials"].items())
    importances = ", ".join(f"{option} {100 * share:.0f} %" for option, share in result["importances"].items())
    return (
        f"score    {result['score']:.4f} on the val part{untuned}\ntrials   {counts}\n"
        f"matters  {importances or 'too few trials to tell'}\npicture  {result['picture']}\n"
        f"next     {own_command()} train DATA --config {result['config']}"
    )
