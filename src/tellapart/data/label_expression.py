"""Labels in texts by a regular expression, which may be anybody's: it cannot keep the machine busy for ever."""

from __future__ import annotations

from collections.abc import Callable

from tellapart.core.errors import CatalogError, did_you_mean
from tellapart.core.terminal import excerpt, quoted

NAMED_RULES = (  # that read names of files
    "folder", "prefix", "text", "text-number", "text-hash", "number-text", "hash-text", "number-text-number",
)  # fmt: skip
SECONDS = 1.0  # of a processor that one text may take; an ordinary rule takes a millionth of it


def label_expression(rule: str) -> Callable[[str], str | None]:
    """What takes a label out of a text by a regular expression: what its one group holds, None where it does not fit.

    Args:
        rule: the expression, which the whole text must match.

    Returns:
        A function of a text. It raises a CatalogError where a text takes longer than `SECONDS`: some expressions try
        more ways than there is time for.

    Raises:
        CatalogError: no regular expression, or not one with exactly one group.

    >>> label_expression("x-([a-z]+)-.*")("x-red-7")
    'red'
    """
    import regex  # not `re`, which no limit of time stops

    try:
        expression = regex.compile(rule)
    except (regex.error, RecursionError, OverflowError, MemoryError) as error:
        raise CatalogError(f"label rule {excerpt(rule)!r}: not a regular expression: {error}") from error
    if expression.groups != 1:
        raise CatalogError(
            f"label rule {excerpt(rule)!r}: give {', '.join(NAMED_RULES)}, or a regular expression with exactly one "
            f"group{did_you_mean(rule, NAMED_RULES)}"
        )

    def read(text: str) -> str | None:
        try:
            match = expression.fullmatch(text, timeout=SECONDS)
        except TimeoutError:
            raise CatalogError(
                f"label rule {excerpt(rule)!r}: takes more than {SECONDS:g} s for {quoted(text)}; write it without a "
                "repeated group whose parts may match the same, as in ([a-z]|[a-y])*"
            ) from None
        return None if match is None else match[1]

    return read
