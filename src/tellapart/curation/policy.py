"""The policy of `clean`: for each check whether its flagged images are dropped."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tellapart.core.documents import read_yaml
from tellapart.core.errors import ConfigError, did_you_mean
from tellapart.curation.checks.registry import CHECKS

# What nobody needs to look at goes; what needs a person's eye stays until one has looked.
POLICY: dict[str, Any] = {
    "unreadable": "drop",
    "exact_duplicates": "drop",  # all but one
    "near_duplicates": "drop",  # all but one
    "conflicting_labels": "drop",  # all of them: nobody knows which label is right
    "split_leaks": "drop",  # those in train; the given test part stays as others know it
    "off_domain": "drop",
    "low_information": "drop",
    "label_errors": "keep",
}


def read_policy(policy: str | Path | Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the default policy, overridden by a file or a mapping.

    Args:
        policy: a YAML file, or a mapping. Each maps a check to ``drop``, ``keep`` or ``{"drop_above": score}``.
            None stands for the default policy alone.

    Returns:
        Check → rule. A check that is absent keeps its images.

    Raises:
        ConfigError: the file cannot be read, is not YAML, or names an unknown check or an unknown rule.

    >>> read_policy({"off_domain": "keep"})["off_domain"]
    'keep'
    """
    if policy is None or isinstance(policy, Mapping):
        source: str = "policy"
        rules: Any = policy or {}
    else:
        source, rules = str(policy), _load_yaml(policy)
    if not isinstance(rules, Mapping):
        raise ConfigError(f"{source}: write one line a check, such as `off_domain: keep`")
    known = [check.name for check in CHECKS]
    for check, rule in rules.items():
        if check not in known:
            raise ConfigError(
                f"{source}: no check {check!r}{did_you_mean(str(check), known)}; there are: {', '.join(known)}"
            )
        if rule not in ("drop", "keep") and not _is_score_rule(rule):
            raise ConfigError(f"{source}: {check}: {rule!r}; write drop, keep, or {{drop_above: 0.8}}")
    return {**POLICY, **rules}


def _load_yaml(path: str | Path) -> Any:
    """Return the content of a YAML file; an empty file is an empty policy."""
    return read_yaml(path, "the policy") or {}


def _is_score_rule(rule: Any) -> bool:
    """Return whether a rule is ``{"drop_above": score}`` with a finite score."""
    score = rule.get("drop_above") if isinstance(rule, Mapping) and len(rule) == 1 else None
    return isinstance(score, int | float) and not isinstance(score, bool) and math.isfinite(score)
