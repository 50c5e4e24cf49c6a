"""Checks on whole classes, and on the texts of a reading set."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import PurePosixPath
from typing import Any

from tellapart.core.errors import join_some, pluralize
from tellapart.curation.check_context import Check, CheckContext
from tellapart.curation.findings import Finding, not_judged
from tellapart.inference.ctc import required_steps
from tellapart.inference.preprocess import READ_HEIGHT, Preprocess

LEAST = 10  # images of a class, below which their common source may be chance


def _imbalance(context: CheckContext, threshold: float) -> Finding:
    counts = Counter(context.labels[row] for row in context.rows)
    if len(counts) < 2:
        return not_judged("class_imbalance", threshold, "there is one class only", classes=dict(counts))
    most, least = max(counts.values(), default=0), min(counts.values(), default=0)
    ratio = most / least if least else 0.0
    ordered = dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
    each = pluralize(most, "image") if least == most else f"{least:,} to {most:,} images"
    sentence = (
        f"{pluralize(len(counts), 'class', 'classes')}, {each} each ({ratio:.1f} : 1)" if counts else "no classes"
    )
    if ratio >= threshold:
        sentence += "; class weights or tellapart balance help the small ones"
    return Finding("class_imbalance", sentence, threshold,
                   facts={"classes": ordered, "ratio": round(ratio, 3), "flag": bool(ratio >= threshold)})  # fmt: skip


def _tiny_classes(context: CheckContext, threshold: float) -> Finding:
    counts = Counter(context.labels[row] for row in context.rows)
    tiny = {name for name, count in counts.items() if count < threshold}
    why = {row: f"class {context.labels[row]!r} has {counts[context.labels[row]]} images" for row in context.rows
           if context.labels[row] in tiny}  # fmt: skip
    names = join_some(sorted(tiny))
    sentence = (
        f"{pluralize(len(tiny), 'class', 'classes')} of fewer than {threshold:.0f} images: {names}"
        if tiny
        else "no tiny classes"
    )
    return Finding("tiny_classes", sentence, threshold, dict.fromkeys(why, 1.0), why, facts={"classes": sorted(tiny)})


def _one_source(context: CheckContext, threshold: float) -> Finding:
    """Find classes whose images have one format and size that is rare elsewhere; a network may learn that instead."""
    sign = {row: (PurePosixPath(context.files[row]).suffix.lower(), context.widths[row], context.heights[row])
            for row in context.rows}  # fmt: skip
    of_class: dict[str, Counter[Any]] = defaultdict(Counter)
    for row in context.rows:
        of_class[context.labels[row]][sign[row]] += 1
    everywhere = Counter(sign.values())
    if len(of_class) < 2 or all(signs.total() < LEAST for signs in of_class.values()):
        reason = f"it takes two classes, one of {LEAST} images or more"
        return not_judged("one_source", threshold, reason, classes={})
    sources = {}
    for name, signs in of_class.items():
        (most, count), total = signs.most_common(1)[0], sum(signs.values())
        rest = len(context.rows) - total
        elsewhere = (everywhere[most] - count) / rest if rest else 1.0
        if total >= LEAST and count / total >= threshold and elsewhere <= 0.1:
            sources[name] = (
                f"{count / total:.0%} of {name!r} are {most[0].lstrip('.') or 'embedded'} of {most[1]} x {most[2]} px, "
                f"{f'{elsewhere:.0%}' if elsewhere else 'none'} of the others"
            )
    sentence = (
        f"{pluralize(len(sources), 'class', 'classes')} nearly all from one source"
        if sources
        else "no class comes from one source alone"
    )
    return Finding("one_source", sentence, threshold, facts={"classes": sources})


def _alphabet(context: CheckContext, threshold: float) -> Finding:
    counts = Counter("".join(context.labels[row] for row in context.rows))
    rare = {letter for letter, count in counts.items() if count < threshold}
    why = {}
    for row in context.rows:
        if here := sorted(rare & set(context.labels[row])):
            why[row] = f"holds {join_some(map(repr, here))}, seen fewer than {threshold:.0f} times"
    sentence = f"{len(counts)} characters: {''.join(sorted(counts))[:120]}"
    if rare:
        sentence += f"; {len(rare)} are seen fewer than {threshold:.0f} times: {join_some(map(repr, sorted(rare)))}"
    facts = {"characters": dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))}
    return Finding("rare_characters", sentence, threshold, dict.fromkeys(why, 1.0), why, facts=facts)


def _lengths(context: CheckContext, threshold: float) -> Finding:
    lengths = Counter(len(context.labels[row]) for row in context.rows)
    rare = {length for length, count in lengths.items() if count < threshold * len(context.rows)}
    why = {row: f"{len(context.labels[row])} characters, which is rare here" for row in context.rows
           if len(context.labels[row]) in rare}  # fmt: skip
    span = f"{min(lengths)} to {max(lengths)}" if len(lengths) > 1 else f"{next(iter(lengths), 0)}"
    facts = {"lengths": {str(length): lengths[length] for length in sorted(lengths)}}
    sentence = f"texts of {span} characters"
    if why:
        sentence += f"; {pluralize(len(why), 'text')} of a length that is rare here"
    return Finding("odd_length", sentence, threshold, dict.fromkeys(why, 1.0), why, facts=facts)


def _unemittable(context: CheckContext, threshold: float) -> Finding:
    spec = Preprocess(height=int(threshold), width=None, channels=1)
    why = {}
    for row in context.rows:
        steps = spec.time_steps(context.widths[row], context.heights[row])
        if required_steps(context.labels[row]) > steps:
            why[row] = (
                f"{context.labels[row]!r} needs {required_steps(context.labels[row])} steps, the picture gives {steps}"
            )
    sentence = (
        f"{pluralize(len(why), 'text')} too long for CTC at the picture's width; raise --height" if why
        else "every text can be emitted at its picture's width"
    )  # fmt: skip
    return Finding("unemittable", sentence, threshold, dict.fromkeys(why, 1.0), why)


CHECKS = (
    Check("class_imbalance", "Balance of the classes", 3.0, "classify", _imbalance),
    Check("tiny_classes", "Tiny classes", 20.0, "classify", _tiny_classes),
    Check("one_source", "Classes of one source", 0.8, "classify", _one_source),
    Check("rare_characters", "Rare characters", 10.0, "read", _alphabet),
    Check("odd_length", "Odd lengths", 0.005, "read", _lengths),
    Check("unemittable", "Texts too long for their picture", float(READ_HEIGHT), "read", _unemittable),
)
