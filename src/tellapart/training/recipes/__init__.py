"""The packaged recipes: one YAML each, whose header states command, data, expected time and score."""

from __future__ import annotations

from tellapart.training.config import recipe_names, recipe_text


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


def _header(text: str) -> str:
    lines = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.removeprefix("#").removeprefix(" "))
    return "\n".join(lines)
