"""What the figures of `strength` come to in words: how strong the CAPTCHA is, and what its owner may do."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import Any

SEVERAL = 5  # misreadings of a character, below which it may have been chance


def percent(value: float) -> str:
    """A share in words.

    >>> percent(0.4567)
    '45.7 %'
    """
    return f"{100 * value:.1f} %"


def verdict(result: Mapping[str, Any]) -> str:
    """The weakest attack that breaks it and what that reads, or that none does.

    Args:
        result: as `tellapart.strength` answers it; its curve begins with the attacker who has least.
    """
    curve = result["curve"]
    if not curve:
        return "It was not attacked."
    most = max(curve, key=lambda step: step["exact_match"]["value"])
    best = f"the strongest, {attacker(most)}, reads {percent(most['exact_match']['value'])}"
    if result["broken_with"] is None:
        return f"Not shown to be broken, nor to be strong: of the attacks {best}, and 1 % lies within chance of that."
    weakest = broken_by(result)
    share = percent(weakest["exact_match"]["value"])
    line = "a scheme counts as broken once an attacker reads 1 % of it"
    more = "" if most is weakest else f" {best[0].upper()}{best[1:]}."
    return f"Broken by the weakest attack that does: {attacker(weakest)} reads {share} of the texts; {line}.{more}"


def attacker(step: Mapping[str, Any]) -> str:
    """Who a step of the curve is.

    >>> attacker({"labels": 0}), attacker({"labels": 0, "pictures": 800})
    ('the shipped reader as it is', 'a reader that taught itself on 800 pictures')
    >>> attacker({"labels": 1000})
    'a reader that learnt from 1,000 labels'
    """
    if "pictures" in step:
        return f"a reader that taught itself on {step['pictures']:,} pictures"
    return f"a reader that learnt from {step['labels']:,} labels" if step["labels"] else "the shipped reader as it is"


def broken_by(result: Mapping[str, Any]) -> Mapping[str, Any]:
    """The first step of the curve that surely reads more than 1 %; the result is of a broken scheme."""
    step: Mapping[str, Any] = next(
        step for step in result["curve"]
        if step["labels"] == result["broken_with"] and step["exact_match"]["ci95"][0] > result["broken_from"]
    )  # fmt: skip
    return step


def advice(result: Mapping[str, Any]) -> list[str]:
    """What the owner may do, of a drawn scheme as of real pictures: sentences, each from a figure."""
    if not result["curve"]:
        return []
    said = []
    most = max(step["exact_match"]["value"] for step in result["curve"])
    if result["broken_with"] is not None:
        tries = ceil(1 / most)
        once = "nearly every attempt" if tries == 1 else f"one attempt in {tries:,}, on the mean,"
        said.append(
            f"The picture alone guards nothing: {once} gets through. Limit the attempts of an address and an account, "
            "let a picture expire, and watch for what people do not do."
        )
        if result["broken_with"] == 0:
            said.append("No label was needed, so that keeping samples secret, or changing colours often, buys nothing.")
        else:
            seconds = broken_by(result)["seconds"]
            said.append(
                f"A change of the scheme costs this attacker {result['broken_with']:,} new labels and {seconds:.0f} s "
                "of training."
            )
    if result["changes"]:
        said.append(_best_change(result["changes"]))
    elif not result.get("drawn"):
        said.append(
            "What its hardships are worth shows a scheme that looks like it: tellapart generate --like PICTURES --n 1 "
            "--out alike, then tellapart strength alike/scheme.yaml --out worth."
        )
    hardest = ", ".join(row["character"] for row in result["characters"][:5] if row["missed"] >= SEVERAL)
    if hardest:
        said.append(f"Misread most often: {hardest}. Whether people still read these is worth a test.")
    return said


def _best_change(changes: list[dict[str, Any]]) -> str:
    own = changes[0]["exact_match"]
    best = min(changes[1:], key=lambda row: row["exact_match"]["value"], default=changes[0])
    if best["exact_match"]["ci95"][1] >= own["ci95"][0]:
        return "Nothing that was tried costs the attacker more than chance could."
    return (
        f"Of what was tried, “{best['change']}” costs the attacker most: {percent(own['value'])} become "
        f"{percent(best['exact_match']['value'])}."
    )
