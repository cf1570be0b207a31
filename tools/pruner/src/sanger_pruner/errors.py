"""The one exception that stands for bad input."""

from __future__ import annotations


class InputError(ValueError):
    """Bad input, in one line: `where: field: expected X, found Y`. The command exits with code 2 on it.

    What a file or an argument brings into the line neither ends it nor speaks to the terminal.
    """

    def __init__(self, line: str = "") -> None:
        super().__init__("".join(c if c.isprintable() else "?" for c in line))


def expect(condition: bool, where: str, expected: str, found: object) -> None:
    """Raise InputError `where: expected ..., found ...` unless the condition holds."""
    if not condition:
        raise InputError(f"{where}: expected {expected}, found {found}")
