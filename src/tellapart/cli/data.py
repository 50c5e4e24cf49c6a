"""Verbs on data: look at it, clean it, split it."""

from __future__ import annotations

from typing import Any

from tellapart.cli.words import data_options, new_parser, parse, show, summary, table_of
from tellapart.progress import say


def catalog_verb(words: list[str]) -> int:
    parser = new_parser("catalog", "Look at every image of a data set once and write the catalog.")
    data_options(parser)
    parser.add_argument("--out", required=True, help="the catalog to write, e.g. data.parquet")
    given, as_json = parse(parser, words)
    from tellapart import catalog

    result = catalog(**given)
    held = summary(result)
    return show(as_json, {"out": str(given["out"]), **held}, lambda: table_of(held))


def split_verb(words: list[str]) -> int:
    parser = new_parser("split", "Assign train, val and test; duplicates and near-duplicates never cross.")
    data_options(parser)
    parser.add_argument("--out", required=True, help="the catalog to write, with its split column")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fractions", type=list[float], default=[0.7, 0.15, 0.15], help="train, val, test")
    given, as_json = parse(parser, words)
    from tellapart import split

    result = split(**given)
    held = summary(result)
    return show(as_json, {"out": str(given["out"]), **held}, lambda: table_of(held))


def audit_verb(words: list[str]) -> int:
    """tellapart audit DATA."""
    parser = new_parser("audit", "Look for all that is wrong with a set of images, and say it.")
    data_options(parser)
    parser.add_argument("--out", help="the audit's folder; the same command goes on where it stopped")
    parser.add_argument("--report", help="also write an HTML page, e.g. audit.html")
    parser.add_argument("--no_pretrained", action="store_true", help="let pixels alone decide, no pretrained network")
    parser.add_argument(
        "--thresholds", type=dict[str, float], help='check to threshold, e.g. {"near_duplicates": 0.98}'
    )
    parser.add_argument("--fail_above", type=int, help="exit with 1 if more images than this are flagged")
    parser.add_argument("--quick", action="store_true", help="only count: images, classes, first labels, in a second")
    parser.add_argument("--known", help="an audit's folder: is DATA, an image or several, in that set already?")
    parser.add_argument("--add", action="store_true", help="with --known: remember those that are new")
    given, as_json = parse(parser, words)
    quick, index, add = given.pop("quick"), given.pop("known"), given.pop("add")
    if index is not None:
        from tellapart.audit.known import known

        found = known(index, [given["data"]], add=add)
        return show(as_json, found, lambda: _known_table(found))
    given["pretrained"] = not given.pop("no_pretrained")
    if quick:
        from tellapart import quick as count

        options = ("data", "task", "groups", "label_from", "file_column", "label_column", "together")
        counted = count(**{name: given[name] for name in options})
        return show(as_json, counted, lambda: _quick_table(counted))
    from tellapart import audit

    limit = given.pop("fail_above")
    result = audit(**given)
    show(as_json, result, lambda: _findings_table(result, given["report"]))
    if limit is not None and result["flagged"] > limit:
        say(f"tellapart: {result['flagged']} images are flagged, more than {limit}")
        return 1
    return 0


def clean_verb(words: list[str]) -> int:
    """tellapart clean DATA."""
    parser = new_parser("clean", "Decide which images stay; nothing is deleted, and another policy undoes it.")
    data_options(parser)
    parser.add_argument("--out", required=True, help="the catalog to write, with keep and why for each image")
    parser.add_argument("--policy", help="a YAML file, check to drop or keep; `tellapart clean --help` ends with ours")
    parser.add_argument("--review", help="also write an HTML page of what goes, to look at and correct")
    parser.add_argument("--corrections", help="a CSV (file,keep,label), e.g. from the review page")
    parser.add_argument("--audit", help="the audit's folder; by default that of the same data")
    parser.add_argument("--no_pretrained", action="store_true", help="let pixels alone decide, no pretrained network")
    given, as_json = parse(parser, words)
    given["pretrained"] = not given.pop("no_pretrained")
    from tellapart import clean

    result = clean(**given)

    def prose() -> str:
        lines = [f"{result['kept']} of {result['images']} images stay: {result['out']}"]
        lines += [f"  {count:>6}  {name}" for name, count in result["dropped"].items()]
        lines += [f"  {result[name]:>6}  {name.replace('_', ' ')}" for name in
                  ("kept_by_hand", "dropped_by_hand", "relabelled") if result[name]]  # fmt: skip
        return "\n".join(lines)

    return show(as_json, result, prose)


def balance_verb(words: list[str]) -> int:
    """tellapart balance DATA."""
    parser = new_parser("balance", "Even out the classes of the train part; validation and test stay as they are.")
    data_options(parser)
    parser.add_argument("--out", help="the catalog to write")
    parser.add_argument("--method", default="over", help="over, under, target or weights")
    parser.add_argument("--count", type=int, help="images a class and epoch")
    parser.add_argument("--seed", type=int, default=0)
    given, as_json = parse(parser, words)
    from tellapart import balance

    result = balance(**given)

    def prose() -> str:
        width = max(len(name) for name in result["classes"])
        lines = [f"{'class':<{width}}  train  epoch  weight"]
        lines += [f"{name:<{width}}  {value['train']:>5}  {value['epoch']:>5}  {value['weight']:.3f}"
                  for name, value in result["classes"].items()]  # fmt: skip
        return "\n".join([*lines, *(f"note: {note}" for note in result["notes"])])

    return show(as_json, result, prose)


def tidy_verb(words: list[str]) -> int:
    """tellapart tidy DATA."""
    parser = new_parser("tidy", "A regular copy by hard links, with clear names, a mapping, and a way back.")
    data_options(parser)
    parser.add_argument("--out", required=True, help="the new folder")
    parser.add_argument("--back", action="store_true", help="DATA is a tidied folder: give the old names back")
    parser.add_argument("--copy", action="store_true", help="copy the bytes instead of linking")
    given, as_json = parse(parser, words)
    from tellapart import tidy

    result = tidy(given.pop("data"), **given, progress=True)
    prose = (
        f"{result['images']} images in {result['out']} ({result['linked']} linked, {result['copied']} copied); "
        f"names in {result['mapping']}"
    )
    return show(as_json, result, lambda: "\n".join([prose, *(f"note: {note}" for note in result["notes"])]))


def prepare_verb(words: list[str]) -> int:
    """tellapart prepare DATA."""
    parser = new_parser("prepare", "Audit, clean, split and balance in one go, with pages to look at.")
    data_options(parser)
    parser.add_argument("--out", required=True, help="a folder: audit, report.html, review.html, prepared.parquet")
    parser.add_argument("--recipe", help="a packaged recipe that prepares data, e.g. illustrations")
    parser.add_argument("--policy", help="a YAML file, check to drop or keep")
    parser.add_argument("--corrections", help="a CSV (file,keep,label), e.g. from the review page")
    parser.add_argument("--balance", help="over, under, target; by default the recipe's, or none")
    parser.add_argument("--count", type=int, help="images a class and epoch")
    parser.add_argument("--pretrained", type=bool, help="let a pretrained network help; default: as the recipe says")
    parser.add_argument("--seed", type=int)
    given, as_json = parse(parser, words)
    from tellapart import prepare

    result = prepare(**given)

    def prose() -> str:
        cleaned, parts = result["clean"], result["split"]
        return (
            f"{cleaned['kept']} of {cleaned['images']} images stay; train {parts['train']}, val {parts['val']}, "
            f"test {parts['test']}\nlook      {result['report']}\nreview    {result['review']}\n"
            f"next      tellapart train {result['catalog']}"
        )

    return show(as_json, result, prose)


def _findings_table(result: dict[str, Any], report: str | None) -> str:
    found = result["findings"]
    lines = [f"{result['n']} images of {result['data']}", ""]
    lines += [f"{value['count'] or '':>6}  {value['sentence']}" for value in found.values() if value["count"]]
    said = [value["sentence"] for value in found.values() if not value["count"]]
    lines += ["", *(f"{'':>6}  {sentence}" for sentence in said), "", f"findings  {result['out']}"]
    lines += [f"report    {report}"] if report else ["look      add --report audit.html"]
    return "\n".join([*lines, "next      tellapart clean DATA --out clean.parquet --review review.html"])


def _quick_table(counted: dict[str, Any]) -> str:
    most = list(counted["classes"].items())
    lines = [f"{counted['images']} images, {counted['labels']} labels ({counted['task']}), {counted['bytes']:,} bytes"]
    lines += [f"  {count:>6}  {name}" for name, count in most[:40]]
    lines += [f"  and {len(most) - 40} more classes"] if len(most) > 40 else []
    lines += ["first", *(f"  {file}  {label}" for file, label in counted["first"])]
    return "\n".join([*lines, *(f"note: {note}" for note in counted["notes"])])


def _known_table(found: dict[str, Any]) -> str:
    lines = []
    for file, answer in found["images"].items():
        if "error" in answer:
            lines.append(f"{file}: {answer['error']}")
        elif not answer["known"]:
            lines.append(f"{file}: new")
        lines += [f"{file}: in the set as {like['file']}, {like['how']}" for like in answer.get("like", [])]
    return "\n".join([*lines, f"{found['index']} images in the index, {found['added']} of them added now"])
