"""The packaged recipes: one YAML each, whose header states command, data, expected time and score."""

from __future__ import annotations

from importlib import resources
from typing import Any

from tellapart.core.documents import load_yaml
from tellapart.core.errors import ConfigError, did_you_mean, join_some


def recipes(name: str | None = None) -> dict[str, str]:
    """The headers of all recipes by name, or the whole text of one.

    Raises:
        ConfigError: there is no recipe of that name.

    >>> "captcha-text" in recipes()
    True
    """
    if name is not None:
        return {name: recipe_text(name)}
    return {each: _header(recipe_text(each)) for each in recipe_names()}


def recipe_names() -> list[str]:
    """The packaged recipes.

    >>> "animal-object" in recipe_names()
    True
    """
    folder = resources.files("tellapart.training") / "recipes"
    return sorted(item.name.removesuffix(".yaml") for item in folder.iterdir() if item.name.endswith(".yaml"))


def recipe_text(name: str) -> str:
    """A packaged recipe as it stands, its header saying command, data, time and score.

    Raises:
        ConfigError: there is no such recipe.
    """
    if name not in recipe_names():
        raise ConfigError(
            f"no recipe {name!r}{did_you_mean(name, recipe_names())}; there are: {join_some(recipe_names(), 20)}"
        )
    return (resources.files("tellapart.training") / "recipes" / f"{name}.yaml").read_text(encoding="utf-8")


def recipe_part(name: str, part: str) -> dict[str, Any] | None:
    """What a recipe says beside its options: what it draws (``generate``), how data is prepared; or None.

    >>> recipe_part("captcha-characters", "generate")["n"]
    6000
    """
    value = load_yaml(recipe_text(name), name).get(part)
    return value if isinstance(value, dict) else None


def _header(text: str) -> str:
    lines = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.removeprefix("#").removeprefix(" "))
    return "\n".join(lines)
