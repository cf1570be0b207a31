"""The published closed-form latencies of one layer, to stand beside measured cycles.

L is the length, H the hidden size, s the density kept, b the load balance; the machine makes 2048e9 operations a
second (64 x 16 PEs, two operations, 1 GHz). Both scale the dense output projection by the density, and both ignore
prediction, softmax, packing and memory.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .errors import InputError, expect

OPERATIONS_PER_S = 2048e9
CLOCK_HZ = 1e9
ROWS, HEAD_SIZE = 64, 64
BALANCE_COLUMN = "25%-skip"
"""16 PEs a row of 64 columns are the published machine, and 25 % of it."""


def v1_seconds(density: float, balance: float, length: int, hidden: int = 768) -> float:
    """Projections at full speed, attention and output projection at the speed that density and balance leave."""
    attention = 2 * length * length * hidden + 2 * length * length * hidden + 2 * length * hidden * hidden
    return (3 * 2 * length * hidden * hidden) / OPERATIONS_PER_S + attention * density / (OPERATIONS_PER_S * balance)


def v2_seconds(density: float, balance: float, length: int, hidden: int = 768) -> float:
    """As v1, with attention as passes over tiles of 64 sub-rows and 64 keys: load and drain of the array counted."""
    subrows = density / balance / 0.25 * length
    projections = 3 * 2 * length * hidden * hidden / OPERATIONS_PER_S
    output = 2 * length * hidden * hidden * density / (OPERATIONS_PER_S * balance)
    tiles = (subrows / ROWS) * (length / HEAD_SIZE)
    return projections + output + tiles * ((hidden + HEAD_SIZE) + (subrows + HEAD_SIZE)) / CLOCK_HZ


@dataclass(frozen=True)
class Estimate:
    """One layer's estimate, in seconds and in cycles at 1 GHz."""

    layer: str
    length: int
    density: float
    balance: float
    v1_s: float
    v2_s: float

    def to_dict(self) -> dict[str, object]:
        figures = {"layer": self.layer, "length": self.length, "density": self.density, "balance": self.balance}
        cycles = {"v1_cycles": self.v1_s * CLOCK_HZ, "v2_cycles": self.v2_s * CLOCK_HZ}
        return {**figures, "v1_ms": self.v1_s * 1e3, "v2_ms": self.v2_s * 1e3, **cycles}


def estimate_layer(layer: str, density: float, balance: float, length: int, hidden: int = 768) -> Estimate:
    """Both estimates. A layer that keeps nothing costs its projections alone."""
    expect(0 <= density <= 1, f"layer {layer}: density", "a number in [0, 1]", density)
    expect(0 <= balance <= 1, f"layer {layer}: {BALANCE_COLUMN}", "a number in [0, 1]", balance)
    if density == 0:
        balance = 1.0
    expect(balance > 0, f"layer {layer}: {BALANCE_COLUMN}", "a number above 0", balance)
    v1 = v1_seconds(density, balance, length, hidden)
    return Estimate(layer, length, density, balance, v1, v2_seconds(density, balance, length, hidden))


def estimate_file(path: str | Path, length: int | None = None, hidden: int = 768) -> list[Estimate]:
    """A row per layer from a load balance file, published or corrected; rows of the same layer are averaged.

    Published files do not say their lengths: `length` is then needed. Rows without a layer name are numbered.
    """
    groups: dict[str, list[tuple[float, float, int]]] = {}
    for number, row in enumerate(read_rows(path)):
        where = f"{path}: row {number + 1}"
        tokens = _length(where, row, length)
        density = read_number(where, row, "density" if "density" in row else "overall-sparsity")
        values = (density, read_number(where, row, BALANCE_COLUMN), tokens)
        groups.setdefault(row.get("layer") or str(number), []).append(values)
    return [estimate_layer(layer, *_mean(layer, rows), hidden) for layer, rows in groups.items()]


def _length(where: str, row: Mapping[str, str], given: int | None) -> int:
    text = row.get("length") or given
    if text is None:
        raise InputError(f"{where}: length: expected a column or an option that says it, found none")
    try:
        return int(text)
    except ValueError as error:
        raise InputError(f"{where}: length: expected a whole number, found {text!r}") from error


def _mean(layer: str, rows: list[tuple[float, float, int]]) -> tuple[float, float, int]:
    lengths = {length for _, _, length in rows}
    expect(len(lengths) == 1, f"layer {layer}: length", "the same in every row", sorted(lengths))
    return sum(r[0] for r in rows) / len(rows), sum(r[1] for r in rows) / len(rows), lengths.pop()


def read_rows(path: str | Path) -> list[dict[str, str]]:
    """The rows of a CSV file with a header. InputError if there are none."""
    try:
        with Path(path).open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: expected a load balance file, found {error}") from error
    expect(len(rows) > 0, str(path), "at least one row", 0)
    return rows


def read_number(where: str, row: Mapping[str, str], column: str) -> float:
    """A row's number in that column. InputError names row and column."""
    try:
        return float(row[column])
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{where}: {column}: expected a number, found {row.get(column)!r}") from error
