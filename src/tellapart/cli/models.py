"""Verbs on models: train, evaluate, predict, pack; and what draws data for them."""

from __future__ import annotations

from tellapart.cli.words import answers, data_options, figures, new_parser, parse, show

PATTERN = (
    "of a reader: a regular expression that the text matches, such as [0-9]{5}; by default as many characters as its "
    "training texts have, if those were 20 or more and of one length"
)


def train_verb(words: list[str]) -> int:
    from tellapart.training.config import TrainConfig

    parser = new_parser("train", "Train a recogniser, pack it as a bundle and report on the test part.")
    parser.add_argument("data", nargs="?", help="a folder, a table, Parquet shards, or a catalog")
    parser.add_argument("--out", help="the run folder; the same command goes on where it stopped")
    parser.add_argument("--show_augment", help="also a PNG: training images and what augmentation makes of them")
    parser.add_argument("--track", help="a folder where MLflow keeps the finished run too")
    parser.add_argument("--recipe", help="a packaged recipe, see `tellapart recipes`")
    parser.add_argument("--config", help="a YAML file of the options below")
    parser.add_argument("--from_scratch", action="store_true", help="the same as --pretrained false")
    parser.add_class_arguments(TrainConfig)
    given, as_json = parse(parser, words, only_given=True)
    if given.pop("from_scratch", False):
        given["pretrained"] = False
    from tellapart import train

    result = train(given.pop("data", None), **given)

    def prose() -> str:
        return (
            f"{figures(result['test'])}\n\n"
            f"run     {result['run']} ({result['seconds']} s)\nbundle  {result['bundle']}\n"
            f"next    tellapart predict {result['bundle']} IMAGE ..."
        )

    return show(as_json, result, prose)


def adapt_verb(words: list[str]) -> int:
    from tellapart.training.auto_config import OF_CLASSIFIERS
    from tellapart.training.config import TrainConfig

    parser = new_parser("adapt", "A reader teaches itself what it is sure to read of pictures without labels.")
    parser.add_argument("data", help="a folder of pictures of one kind, or a catalog; labels are not looked at")
    parser.add_argument("--out", required=True, help="a folder for the runs; the same command goes on where it stopped")
    parser.add_argument(
        "--model", default="base", help="the reader to begin with: base, a run, or a bundle with weights"
    )
    parser.add_argument("--rounds", type=int, default=3, help="how often it reads all, and learns")
    parser.add_argument("--alphabet", help="the only characters that a text may hold, where that is known")
    parser.add_argument("--pattern", help="a regular expression that the text matches, such as [0-9]{5}")
    of_labels = {"coarse_labels", "label_from", "file_column", "label_column", "group_by"}
    of_classes = {"positive_class", "threshold", "cv_folds", *OF_CLASSIFIERS}
    parser.add_class_arguments(TrainConfig, skip={"task", "init_from", "pretrained", *of_labels, *of_classes})
    given, as_json = parse(parser, words, only_given=True)
    from tellapart import adapt

    result = adapt(given.pop("data"), **given)
    told = ", ".join(f"{number:,}" for number in result["sure"])
    prose = (
        f"sure of {told} of {result['n']:,} pictures, round after round\n"
        f"run     {result['run']} ({result['seconds']} s)\nbundle  {result['bundle']}\n"
        f"next    label some, and learn how good it is: tellapart evaluate {result['bundle']} LABELLED"
    )
    return show(as_json, result, lambda: prose)


def tune_verb(words: list[str]) -> int:
    from tellapart.training.config import TrainConfig

    parser = new_parser("tune", "Search for options that validate better; what is said here stays as it is.")
    parser.add_argument("data", help="a folder, a table, Parquet shards, or a catalog")
    parser.add_argument("--out", help="the search's folder; the same command goes on where it stopped")
    parser.add_argument("--minutes", type=float, help="the budget in all; 30 if no budget is given")
    parser.add_argument("--trials", type=int, help="stop after so many complete or pruned trials in all")
    parser.add_argument("--space", help="YAML, option: [values] or {low, high, log}; replaces the default space")
    parser.add_argument("--recipe", help="a packaged recipe, see `tellapart recipes`")
    parser.add_argument("--config", help="a YAML file of the options below")
    parser.add_class_arguments(TrainConfig)
    given, as_json = parse(parser, words, only_given=True)
    from tellapart import tune

    result = tune(given.pop("data"), **given)

    def prose() -> str:
        untuned = "" if result["untuned"] is None else f", untuned {result['untuned']:.4f}"
        counts = ", ".join(f"{number} {state}" for state, number in result["trials"].items())
        matters = ", ".join(f"{option} {100 * share:.0f} %" for option, share in result["importances"].items())
        return (
            f"score    {result['score']:.4f} on the val part{untuned}\ntrials   {counts}\n"
            f"matters  {matters or 'too few trials to tell'}\npicture  {result['picture']}\n"
            f"next     tellapart train DATA --config {result['config']}"
        )

    return show(as_json, result, prose)


def evaluate_verb(words: list[str]) -> int:
    parser = new_parser("evaluate", "Score a model's answers; every figure with its 95 % interval.")
    parser.add_argument("model", help="a run or a bundle")
    data_options(parser, task=False)
    parser.add_argument("--split", help="train, val, test or all")
    parser.add_argument("--out", help="write the report as JSON")
    parser.add_argument("--alphabet", help="of a reader: the only characters that a text may hold")
    parser.add_argument("--pattern", help=PATTERN)
    parser.add_argument("--tta", action="store_true", help="of a reader: look again, in other widths, where unsure")
    parser.add_argument("--picture", help="a PNG: the confusion; of a reader samples, errors by position, confusions")
    parser.add_argument("--report", help="an HTML page that stands alone: figures in words, curves, mistakes")
    given, as_json = parse(parser, words, only_given=True)
    from tellapart import evaluate

    report = evaluate(given.pop("model"), given.pop("data"), **given)
    return show(as_json, report, lambda: figures(report))


def predict_verb(words: list[str]) -> int:
    parser = new_parser("predict", "Answer for image files, folders, or standard input (-).")
    parser.add_argument("model", help="a run or a bundle")
    parser.add_argument("inputs", nargs="+", help="image files, folders, or - for standard input")
    parser.add_argument("--csv", action="store_true", help="print CSV")
    parser.add_argument("--alphabet", help="of a reader: the only characters that a text may hold, such as 0123456789")
    parser.add_argument("--pattern", help=PATTERN)
    parser.add_argument(
        "--tta", action="store_true", help="of a reader: look again, in other widths, where unsure; slower"
    )
    parser.add_argument("--nbest", type=int, default=1, help="of a reader: so many readings an image, in JSON")
    parser.add_argument(
        "--server", help="ask this address instead, such as http://127.0.0.1:3000; MODEL is a name there"
    )
    given, as_json = parse(parser, words)
    from tellapart.inference.predict import predict, to_csv

    rule = {name: given[name] for name in ("alphabet", "pattern", "nbest", "tta", "server")}
    predictions = predict(given["model"], given["inputs"], progress=True, **rule)
    if given["csv"] and not as_json:
        print(to_csv(predictions), end="")
    else:
        rows = [prediction.to_json() for prediction in predictions]
        show(as_json, {"predictions": rows}, lambda: answers(rows))
    # One good answer is enough: a folder with a bad file in it is not unusable input.
    return 2 if all(prediction.error for prediction in predictions) else 0


def export_verb(words: list[str]) -> int:
    parser = new_parser("export", "Pack a finished run as a bundle, after comparing it with the trained model.")
    parser.add_argument("run", help="a run folder")
    parser.add_argument("--out", help="the bundle's folder; by default RUN/bundle")
    parser.add_argument("--weights", action="store_true", help="also the weights, so that a training can start from it")
    parser.add_argument("--checkpoint", help="last, best or a file: that network instead; it needs an --out")
    given, as_json = parse(parser, words)
    from tellapart import export

    bundle = export(given.pop("run"), **given)
    parity = bundle.about["parity"]
    prose = (
        f"{bundle.path}: {parity['compared']} comparisons on {parity['images']} images, 0 different answers, largest "
        f"difference of a probability {parity['largest_difference']:.1e}"
    )
    return show(as_json, {"bundle": str(bundle.path), "parity": parity}, lambda: prose)


def generate_verb(words: list[str]) -> int:
    parser = new_parser("generate", "Draw CAPTCHAs: the same image for the same seed on any machine.")
    parser.add_argument("--scheme", help="random, characters, classic, plain, digits, or a YAML file")
    parser.add_argument("--like", help="instead: labelled CAPTCHAs of yours; a scheme that looks like them is searched")
    parser.add_argument("--n", type=int, required=True, help="how many")
    parser.add_argument("--out", required=True, help="a folder, or FILE.parquet")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--grid", help="also a PNG with samples and their texts")
    parser.add_argument("--workers", type=int, help="processes; by default one a core, at most four")
    given, as_json = parse(parser, words)
    from tellapart import generate

    result = generate(given.pop("scheme"), given.pop("n"), given.pop("out"), **given, progress=True)
    prose = f"{result['n']} images of {result['scheme']} in {result['out']} ({result['images_per_second']} a second)"
    return show(as_json, result, lambda: prose)


def strength_verb(words: list[str]) -> int:
    parser = new_parser(
        "strength",
        "What an attacker with so many labels reads of a CAPTCHA that you own or may test. A stopped one goes on with "
        "the same command. A scheme is drawn: so many labels, and 1,000 images that judge.",
    )
    parser.add_argument("target", help="labelled images, a named scheme, or a scheme's YAML file")
    parser.add_argument("--out", required=True, help="a folder for what is drawn and trained")
    parser.add_argument(
        "--labels",
        default="0,50,100,200,500,1000",
        help="how many the attacker has, with commas between: 0, or 8 and more",
    )
    parser.add_argument(
        "--no_changes", action="store_true", help="of a scheme, do not attack changes of it too, each with 200 labels"
    )
    parser.add_argument("--report", help="an HTML page to write")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--file_column", help="of labelled images: the table column that names the image")
    parser.add_argument("--label_column", help="of labelled images: the table column that holds the text")
    parser.add_argument("--group_by", help="of labelled images: a column whose equal values never cross the split")
    given, as_json = parse(parser, words)
    from tellapart import strength
    from tellapart.core.errors import ConfigError
    from tellapart.pipelines.strength.page import budget

    try:
        labels = [int(number) for number in given["labels"].split(",") if number.strip()]
    except ValueError as error:
        raise ConfigError(
            f"labels {given['labels']!r}: give whole numbers with commas between, such as 0,50,200"
        ) from error
    result = strength(
        given["target"], out=given["out"], labels=labels, changes=not given["no_changes"], report=given["report"],
        seed=given["seed"],
        **{name: given[name] for name in ("file_column", "label_column", "group_by") if given[name] is not None},
    )  # fmt: skip

    def prose() -> str:
        rows = [("labels", "texts read", "95 % interval", "training")]
        for step in result["curve"]:
            share, (low, high) = step["exact_match"]["value"], step["exact_match"]["ci95"]
            rows.append((budget(step), f"{share:.4f}", f"{low:.4f} to {high:.4f}", f"{step['seconds']:.0f} s"))
        rows += [(change["change"], f"{change['exact_match']['value']:.4f}", "", "") for change in result["changes"]]
        wide = max(len(row[0]) for row in rows)
        return "\n".join(f"{a:<{wide}}  {b:>10}  {c:>18}  {d:>8}".rstrip() for a, b, c, d in rows)

    return show(as_json, result, prose)


def recipes_verb(words: list[str]) -> int:
    parser = new_parser("recipes", "The packaged recipes: command, data, time and score of each.")
    parser.add_argument("name", nargs="?", help="print the whole of one")
    given, as_json = parse(parser, words)
    from tellapart import recipes

    found = recipes(given["name"])
    prose = "\n\n".join(text if given["name"] else f"{name}\n{text}" for name, text in found.items())
    return show(as_json, {"recipes": found}, lambda: prose.rstrip())


def demo_verb(words: list[str]) -> int:
    parser = new_parser("demo", "The whole path on drawn CAPTCHAs: draw, train, evaluate, pack, read fresh ones.")
    parser.add_argument("--out", default="demo", help="where everything is put")
    given, as_json = parse(parser, words)
    from tellapart import demo

    result = demo(out=given["out"])
    return show(as_json, result, lambda: str(result["summary"]))


def explain_verb(words: list[str]) -> int:
    parser = new_parser("explain", "Where did it look? What of a picture the answer hangs on, checked by deletion.")
    parser.add_argument("model", help="a run or a bundle")
    parser.add_argument("image", help="an image file")
    parser.add_argument("--out", help="a PNG: the picture, and beside it what mattered")
    parser.add_argument("--masks", type=int, default=1000, help="how often the picture is shown in parts")
    parser.add_argument("--seed", type=int, default=0)
    given, as_json = parse(parser, words)
    from tellapart import explain

    result = explain(given.pop("model"), given.pop("image"), **given)

    def prose() -> str:
        verdict = "convincing" if result["convincing"] else "NOT convincing: do not believe the picture"
        return (
            f"{result['answer']}  {result['confidence']:.3f}\n"
            f"while what matters is taken away the answer's probability is {result['deletion']:.3f} on the mean, "
            f"by chance {result['by_chance']:.3f}: {verdict}"
        )

    return show(as_json, result, prose)


def drift_verb(words: list[str]) -> int:
    parser = new_parser("drift", "Has the input changed since the model was packed? Exit status 1 if it has.")
    parser.add_argument("model", help="a run or a bundle")
    parser.add_argument("window", help="new images: a folder, or any labelled source")
    parser.add_argument("--alpha", type=float, default=0.01, help="false alarms, as a share of unchanged windows")
    parser.add_argument("--report", help="an HTML page to write")
    parser.add_argument("--seed", type=int, default=0)
    given, as_json = parse(parser, words)
    from tellapart import drift

    result = drift(given.pop("model"), given.pop("window"), **given)

    def prose() -> str:
        lines = [f"{result['n']:,} images beside {result['n_reference']:,} of the reference", ""]
        for check in result["checks"]:
            mark = "changed" if check["found"] else ""
            lines.append(
                f"{check['check']:<12} distance {check['distance']:.3f}   p {check['adjusted']:.4f}  {mark}".rstrip()
            )
        return "\n".join([*lines, "", "changed" if result["drift"] else "no change that could be told from chance"])

    show(as_json, result, prose)
    return 1 if result["drift"] else 0
