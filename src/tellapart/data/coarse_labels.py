"""Coarse labels: each class belongs to exactly one group, by a file, a mapping or the source itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from tellapart.core.documents import read_yaml
from tellapart.core.errors import CatalogError, join_some, pluralize
from tellapart.data.catalog import Catalog


def apply_coarse_labels(result: Catalog, groups: str | Path | Mapping[str, Sequence[str]]) -> Catalog:
    """A copy of a catalog with the ``group`` column filled from a file or mapping.

    Args:
        result: the catalog.
        groups: YAML file or mapping, group → list of its classes.

    Raises:
        CatalogError: the file cannot be used, or a class is in no group or in several.
    """
    name, of = coarse_labels_name(groups), read_coarse_labels(groups)
    if none := [label for label in result.labels if label not in of]:
        raise CatalogError(
            f"{name}: in no group: {join_some(none)}; every class belongs to exactly one (quote names like '0042')"
        )
    result = result.with_column("group", [of.get(label) for label in result.column("label")])
    absent = sorted(set(of) - set(result.labels))
    if not absent:
        return result
    has = "has" if len(absent) == 1 else "have"
    return result.with_notes(
        [f"{pluralize(len(absent), 'class', 'classes')} of {name} {has} no image: {join_some(absent)}"]
    )


def coarse_labels_name(groups: str | Path | Mapping[str, Sequence[str]]) -> str:
    """What messages call coarse labels: the file, or ``groups``."""
    return "groups" if isinstance(groups, Mapping) else str(groups)


def read_coarse_labels(groups: str | Path | Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Class → group, of a file or a mapping.

    Args:
        groups: YAML file or mapping, group → list of its classes.

    Raises:
        CatalogError: the file cannot be used, or a class is in several groups.

    >>> read_coarse_labels({"animal": ["cat", "dog"]})
    {'cat': 'animal', 'dog': 'animal'}
    """
    name = coarse_labels_name(groups)
    if not isinstance(groups, Mapping):
        groups = read_yaml(groups, "the groups file", CatalogError)
    if not isinstance(groups, Mapping) or not all(
        isinstance(members, list | tuple) and not any(isinstance(label, Mapping | list | tuple) for label in members)
        for members in groups.values()
    ):
        raise CatalogError(f"{name}: write one line a group: its name, then its classes in brackets")
    # YAML reads 0042 as a number and `no` as false: such a class must be quoted, and is said so below.
    members = [(str(group), str(label)) for group, labels in groups.items() for label in labels]
    counts = Counter(label for _, label in members)
    if twice := sorted(label for label, count in counts.items() if count > 1):
        raise CatalogError(f"{name}: in more than one group: {join_some(twice)}; every class belongs to exactly one")
    return {label: group for group, label in members}


def check_coarse_labels(result: Catalog) -> None:
    """Check the groups that folders or a table bring along by the same rule.

    Raises:
        CatalogError: a class is in no group or in several.
    """
    columns = (result.column(name) for name in ("label", "group", "keep"))
    pairs = {(label, group) for label, group, keep in zip(*columns, strict=True) if keep}
    if none := sorted(label for label, group in pairs if group is None and result.groups):
        raise CatalogError(f"{result.source}: in no group: {join_some(none)}; every class belongs to exactly one")
    counts = Counter(label for label, _ in pairs)
    if twice := sorted(label for label, count in counts.items() if count > 1):
        groups = sorted({str(group) for label, group in pairs if label in twice})
        raise CatalogError(
            f"{result.source}: in more than one group ({join_some(groups)}): {join_some(twice)}; every class belongs "
            "to exactly one; if the outer folders are no groups of classes, say --label-from folder"
        )
