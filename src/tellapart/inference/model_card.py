"""The model card in a bundle: what it is, what it was taught, how good it is, and what it cannot do.

After Mitchell et al., "Model cards for model reporting" (2019). Every number comes from ``bundle.json``, where a
command put it; the card names the command.
"""

from __future__ import annotations

from collections.abc import Iterator

from tellapart.core.errors import join_some
from tellapart.inference.manifest import LOSS, BundleManifest

SHOWN = 60  # labels that are named
FIGURES = {
    "accuracy": "images answered right",
    "fine_accuracy": "fine classes right",
    "macro_f1": "mean F1 of the classes",
    "micro_f1": "F1 over all images",
    "fine_macro_f1": "mean F1 of the fine classes",
    "subset_accuracy": "images with all tags right",
    "mean_average_precision": "mean average precision of the tags",
    "exact_match": "texts read exactly",
    "exact_match_folded": "texts read, case ignored",
    "cer": "characters misread",
    "answered": "answered at all",
    "answered_accuracy": "right where answered",
}
WHERE = {
    "all": "all its images, those that taught it included",  # of bundles without a test part, by earlier versions
    "val": "the val part, which chose its weights, as there is no test part",
}
LIMITS = {
    "classify": "- Tell that a picture shows none of its classes: it always names one of them.",
    "read": "- Tell that a picture holds no text, or letters that are not listed above: it reads what it knows.",
    "tag": "- Name what none of its tags stands for; of what it was not taught it says nothing.",
}


def card(manifest: BundleManifest) -> str:
    """The card as Markdown.

    >>> from tellapart.inference.bundle import Bundle
    >>> card(Bundle.open("base").manifest).splitlines()[6][:38]
    'Reads a text in a picture. Characters:'
    """
    return "\n".join(_lines(manifest)).rstrip() + "\n"


def _lines(manifest: BundleManifest) -> Iterator[str]:
    reads = manifest.task == "read"
    yield from ["---", "library_name: tellapart",
                f"pipeline_tag: {'image-to-text' if reads else 'image-classification'}", "---", ""]  # fmt: skip
    yield from ["## What it does", _purpose(manifest)]
    yield from ["", "    tellapart predict BUNDLE IMAGE ...", ""]
    spec = manifest.preprocess
    colour = "grey" if spec.channels == 1 else "colour"
    width = "as wide as the picture asks" if spec.width is None else f"{spec.width} px wide"
    yield f"It sees pictures in {colour}, {spec.height} px high and {width}; any image file is brought to that."
    yield ""
    yield from _training(manifest)
    yield from _figures(manifest)
    yield from _confidence(manifest)
    yield from _limits(manifest.task)
    if parity := manifest.parity:
        yield from ["## Export", ""]
        model, verb = ("mean of its members", "ensemble") if _members(manifest) else ("trained network", "export")
        yield (
            f"The graph was compared with the {model} {parity.compared:,} times on {parity.images:,} "
            f"images before it was written (`tellapart {verb}`): {parity.different_answers} different answers, "
            f"largest difference of a probability {parity.largest_difference:.1e}."
        )
        yield from _precision(manifest)
        yield ""
    if versions := manifest.versions:
        yield "Made with " + ", ".join(f"{name} {version}" for name, version in versions.items()) + "."


def _precision(manifest: BundleManifest) -> Iterator[str]:
    if precision := manifest.precision:
        yield ""
        calibrated = f", calibrated on {precision.calibrated_on:,} training images" if precision.calibrated_on else ""
        yield (
            f"**Its numbers are {precision.kind}** (`tellapart export`{calibrated}), which may move probabilities: of "
            f"{precision.n:,} validation images it answers a share of {precision.after:.4f} right, in float32 "
            f"{precision.before:.4f}. A loss of more than {LOSS:g} is not written."
        )


def _purpose(manifest: BundleManifest) -> str:
    if manifest.charset is not None:
        text = f"Reads a text in a picture. Characters: {''.join(manifest.charset.characters)}."
        if length := manifest.length:
            text += (
                f" Every reading has {length} characters, as all texts had that taught it; `--pattern '.*'` lifts that."
            )
        return text
    labels = manifest.labels or []
    if manifest.task == "tag":
        return f"Says which of {len(labels)} tags a picture has, several or none: {join_some(labels, SHOWN)}."
    text = f"Tells {len(labels)} classes apart: {join_some(labels, SHOWN)}."
    if groups := manifest.groups:
        text += f" They belong to {join_some(sorted(set(groups.values())), SHOWN)}."
    return text


def _training(manifest: BundleManifest) -> Iterator[str]:
    data, training = manifest.data, manifest.training
    if not training:
        return
    yield from ["## What it was trained with", ""]
    members = _members(manifest)
    if data.split:
        parts = f", split by seed {data.split['seed']}; copies never cross the split"
    else:
        parts = ", the data of its members" if members else ", split by their owner"
    kind = "images that no person labelled" if data.read_by else "labelled images"
    if limit := training.get("limit"):
        parts += f"; a sample of the data, drawn by the seed (`--limit {limit}`)"
    yield f"- Data of {data.n:,} {kind} (fingerprint `{data.fingerprint}`){parts}."
    if data.read_by:
        yield f"- Their texts are what it was sure to read itself, beginning as `{data.read_by}` (`tellapart adapt`)."
    start = (
        f"Begun with the weights of `{training['init_from']}`"
        if training.get("init_from")
        else f"Network `{training['backbone']}`"
    )
    if members:
        yield f"- Networks `{training['backbone']}`, the mean of {members} models (`tellapart ensemble`)."
        yield "  What each was trained with stands in `bundle.json` under `training.members`."
        yield ""
        return
    count = max(training.get("ensemble", 1), training.get("cv_folds", 0))
    mean = f", the mean of {count} trainings" if count > 1 else ""
    yield f"- {start}, seed {training['seed']}{mean}. All options stand in `bundle.json` under `training`."
    yield ""


def _members(manifest: BundleManifest) -> int:
    """Of how many models it is the mean; none of one that was trained as a whole."""
    members = manifest.training.get("members")
    return len(members) if isinstance(members, list) else 0


def _figures(manifest: BundleManifest) -> Iterator[str]:
    metrics = manifest.metrics
    if not metrics:
        return
    yield from ["## How good it is", ""]
    where = WHERE.get(metrics.split, f"the {metrics.split} part")
    yield f"On {where}, as printed by `tellapart evaluate BUNDLE DATA --split {metrics.split}`:"
    yield from ["", "| figure | value | 95 % interval | n |", "|---|---|---|---|"]
    for name, description in FIGURES.items():
        if name in metrics.figures:
            figure = metrics.figures[name]
            low, high = figure["ci95"]
            yield f"| {description} | {figure['value']:.4f} | {low:.4f} to {high:.4f} | {figure['n']:,} |"
    if metrics.groups:
        yield from ["", "| group | precision | recall | F1 | images |", "|---|---|---|---|---|"]
        for name, scores in metrics.groups.items():
            each = " | ".join(f"{scores[key]:.4f}" for key in ("precision", "recall", "f1"))
            yield f"| {name} | {each} | {scores['support']:,} |"
    if manifest.data.read_by:
        yield ""
        yield (
            "**These texts are its own readings**: the figures say how far it agrees with itself, and its confidence "
            "was calibrated on them. How good it is, only pictures that a person has labelled can tell."
        )
    yield ""


def _confidence(manifest: BundleManifest) -> Iterator[str]:
    calibration = manifest.calibration
    if not calibration:
        return
    yield from ["## What its confidence is worth", ""]
    yield (
        f"- Calibrated on {calibration.n:,} validation images: the expected calibration error there went from "
        f"{calibration.ece['before']:.3f} to {calibration.ece['after']:.3f} (`tellapart train`)."
    )
    if abstain := calibration.abstain:
        below = f"Below a confidence of {abstain.below:.3f} it is" if abstain.below <= 1 else "It is always"
        yield f"- {below} not sure, and says so (aim: {abstain.aim:g} right)."
    if thresholds := calibration.thresholds:
        named = (f"{tag} {at:.3f}" for tag, at in thresholds.at.items())
        yield f"- It says each tag from its own probability on (aim: {thresholds.aim}): {join_some(named, SHOWN)}."
    if threshold := calibration.threshold:
        yield f"- It says {threshold.positive} from a probability of {threshold.at:.3f} on (aim: {threshold.aim})."
    yield ""


def _limits(task: str) -> Iterator[str]:
    yield from ["## What it cannot do", ""]
    yield LIMITS[task]
    yield "- Be trusted on pictures of another kind than it was taught with: the figures hold for such pictures only."
    if task == "read":
        yield "- Be used on CAPTCHAs that you neither own nor may test."
    yield ""
