"""The model card in a bundle: what it is, what it was taught, how good it is, and what it cannot do.

After Mitchell et al., "Model cards for model reporting" (2019). Every number comes from ``bundle.json``, where a
command put it; the card names the command.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tellapart.core.errors import join_some

SHOWN = 60  # labels that are named
FIGURES = {
    "accuracy": "images answered right",
    "fine_accuracy": "fine classes right",
    "macro_f1": "mean F1 of the classes",
    "micro_f1": "F1 over all images",
    "fine_macro_f1": "mean F1 of the fine classes",
    "exact_match": "texts read exactly",
    "exact_match_folded": "texts read, case ignored",
    "cer": "characters misread",
    "answered": "answered at all",
    "answered_accuracy": "right where answered",
}


def card(about: Mapping[str, Any]) -> str:
    """The card as Markdown, from what ``bundle.json`` says.

    >>> print(card({"task": "read", "charset": ["a", "b"]}).splitlines()[6])
    Reads a text in a picture. Characters: ab.
    """
    return "\n".join(_lines(about)).rstrip() + "\n"


def _lines(about: Mapping[str, Any]) -> Iterator[str]:
    reads = about["task"] == "read"
    yield from ["---", "library_name: tellapart",
                f"pipeline_tag: {'image-to-text' if reads else 'image-classification'}", "---", ""]  # fmt: skip
    yield from ["## What it does", _does(about)]
    yield from ["", "    tellapart predict BUNDLE IMAGE ...", ""]
    if "preprocess" in about:
        spec = about["preprocess"]
        colour = "grey" if spec["channels"] == 1 else "colour"
        wide = "as wide as the picture asks" if spec["width"] is None else f"{spec['width']} px wide"
        yield from [f"It sees pictures in {colour}, {spec['height']} px high and {wide}; any image file is brought to "
                    "that.", ""]  # fmt: skip
    yield from _taught(about)
    yield from _figures(about)
    yield from _confidence(about)
    yield from ["## What it cannot do", ""]
    yield (
        "- Tell that a picture holds no text, or letters that are not listed above: it reads what it knows."
        if reads
        else "- Tell that a picture shows none of its classes: it always names one of them."
    )
    yield "- Be trusted on pictures of another kind than it was taught with: the figures hold for such pictures only."
    if reads:
        yield "- Be used on CAPTCHAs that you neither own nor may test."
    yield ""
    if parity := about.get("parity"):
        yield from ["## Export", ""]
        yield (
            f"The graph was compared with the trained network {parity['compared']:,} times on {parity['images']:,} "
            f"images before it was written (`tellapart export`): {parity['different_answers']} different answers, "
            f"largest difference of a probability {parity['largest_difference']:.1e}."
        )
        yield ""
    if versions := about.get("versions"):
        yield "Made with " + ", ".join(f"{name} {version}" for name, version in versions.items()) + "."


def _does(about: Mapping[str, Any]) -> str:
    if about["task"] == "read":
        does = f"Reads a text in a picture. Characters: {''.join(about['charset'])}."
        if length := about.get("length"):
            does += (
                f" Every reading has {length} characters, as all texts had that taught it; `--pattern '.*'` lifts that."
            )
        return does
    named = f"Tells {len(about['labels'])} classes apart: {join_some(about['labels'], SHOWN)}."
    if groups := about.get("groups"):
        named += f" They belong to {join_some(sorted(set(groups.values())), SHOWN)}."
    return named


def _taught(about: Mapping[str, Any]) -> Iterator[str]:
    data, training = about.get("data"), about.get("training")
    if not data or not training:
        return
    yield from ["## What it was trained with", ""]
    split = data.get("split")
    parts = f", split by seed {split['seed']}; copies never cross the split" if split else ", split by their owner"
    reader = data.get("read_by")
    kind = "images that no person labelled" if reader else "labelled images"
    yield f"- Data of {data['n']:,} {kind} (fingerprint `{data['fingerprint']}`){parts}."
    if reader:
        yield f"- Their texts are what it was sure to read itself, beginning as `{reader}` (`tellapart adapt`)."
    begun = (
        f"Begun with the weights of `{training['init_from']}`"
        if training.get("init_from")
        else f"Network `{training['backbone']}`"
    )
    count = max(training.get("ensemble", 1), training.get("cv_folds", 0))
    mean = f", the mean of {count} trainings" if count > 1 else ""
    yield f"- {begun}, seed {training['seed']}{mean}. All options stand in `bundle.json` under `training`."
    yield ""


def _figures(about: Mapping[str, Any]) -> Iterator[str]:
    metrics = about.get("metrics")
    if not metrics:
        return
    yield from ["## How good it is", ""]
    where = (
        "all its images, those that taught it included" if metrics["split"] == "all" else f"the {metrics['split']} part"
    )
    yield f"On {where}, as printed by `tellapart evaluate BUNDLE DATA --split {metrics['split']}`:"
    yield from ["", "| figure | value | 95 % interval | n |", "|---|---|---|---|"]
    for name, what in FIGURES.items():
        if name in metrics:
            low, high = metrics[name]["ci95"]
            yield f"| {what} | {metrics[name]['value']:.4f} | {low:.4f} to {high:.4f} | {metrics[name]['n']:,} |"
    if (about.get("data") or {}).get("read_by"):
        yield ""
        yield (
            "**These texts are its own readings**: the figures say how far it agrees with itself, and its confidence "
            "was calibrated on them. How good it is, only pictures that a person has labelled can tell."
        )
    yield ""


def _confidence(about: Mapping[str, Any]) -> Iterator[str]:
    found = about.get("calibration")
    if not found:
        return
    yield from ["## What its confidence is worth", ""]
    ece = found["ece"]
    yield (
        f"- Calibrated on {found['n']:,} validation images: the expected calibration error there went from "
        f"{ece['before']:.3f} to {ece['after']:.3f} (`tellapart train`)."
    )
    if abstain := found.get("abstain"):
        aim = f"{abstain['aim']:g}"
        below = f"Below a confidence of {abstain['below']:.3f} it is" if abstain["below"] <= 1 else "It is always"
        yield f"- {below} not sure, and says so (aim: {aim} right)."
    if threshold := found.get("threshold"):
        at = f"{threshold['at']:.3f}"
        yield f"- It says {threshold['positive']} from a probability of {at} on (aim: {threshold['aim']})."
    yield ""
