"""Output files that appear complete or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .errors import InputError


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """A temporary path beside `path`, renamed to it when the block ends well and removed otherwise."""
    final = Path(path)
    temporary = final.with_name(f".{final.name}.{os.getpid()}.partial")
    try:
        yield temporary
        os.replace(temporary, final)
    except OSError as error:
        raise InputError(f"{final}: cannot be written: {error.strerror}") from error
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: str | Path, value: Any) -> None:
    """Indented JSON; NaN and infinities are refused, they are no JSON."""
    text = json.dumps(value, indent=2, allow_nan=False) + "\n"
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def parse_json(text: str) -> Any:
    """ValueError for anything but JSON, also for what Python's parser stumbles over: depth."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("too many nested values") from error


def read_json(path: str | Path) -> Any:
    """InputError in one line if there is no such file or no JSON in it."""
    try:
        return parse_json(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: expected a JSON file, found {' '.join(str(error).split())}") from error
