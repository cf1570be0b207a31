"""Static block-sparse patterns, with the names and defaults of DeepSpeed's sparse attention configurations, the
published configurations of the Sanger evaluation, and its block-structured baseline.

A pattern is a block layout, bool [H, n, n] for n = ceil(length / block) blocks; `pattern_mask` expands it to
positions and crops it, so that lengths need not be multiples of the block. `unidirectional` layouts are lower
triangular in blocks only: the causal mask of the model cuts the blocks on the diagonal.

Random blocks come from a generator seeded by (seed, layer, head), or (seed, 0, 0) where
`different_layout_per_head` is off and all heads of all layers share one layout.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .errors import InputError, expect

Layout = NDArray[np.bool_]


@dataclass(frozen=True)
class StaticPattern:
    """What all patterns share. `different_layout_per_head` also means per layer."""

    block: int = 16
    different_layout_per_head: bool = False

    def __post_init__(self) -> None:
        expect(self.block >= 1, "static.block", "a positive number", self.block)
        attention = getattr(self, "attention", "bidirectional")
        expect(
            attention in ("bidirectional", "unidirectional"),
            "static.attention",
            "bidirectional or unidirectional",
            repr(attention),
        )

    def head_layout(self, n: int, head: int, rng: np.random.Generator) -> Layout:
        """The layout of one head: bool [n, n]."""
        raise NotImplementedError

    def layout(self, n: int, heads: int, layer: int = 0, seed: int = 0) -> Layout:
        """bool [heads, n, n]."""
        if self.different_layout_per_head:
            return np.stack([self.head_layout(n, h, np.random.default_rng((seed, layer, h))) for h in range(heads)])
        one = self.head_layout(n, 0, np.random.default_rng((seed, 0, 0)))
        return np.broadcast_to(one, (heads, n, n))


@dataclass(frozen=True)
class Dense(StaticPattern):
    """Every block."""

    def head_layout(self, n: int, head: int, rng: np.random.Generator) -> Layout:
        return np.ones((n, n), bool)


def _windows(layout: Layout, sizes: list[int], unidirectional: bool) -> None:
    """Squares along the diagonal, of the given sizes; the last size repeats to the end."""
    n, start, index = len(layout), 0, 0
    while start < n:
        end = min(start + sizes[min(index, len(sizes) - 1)], n)
        layout[start:end, start:end] |= np.tri(end - start, dtype=bool) if unidirectional else True
        start, index = end, index + 1


def _band(layout: Layout, blocks: int, lower_only: bool) -> None:
    """`blocks // 2` blocks to either side of the diagonal, or to its left only."""
    offset = np.subtract.outer(np.arange(len(layout)), np.arange(len(layout)))
    layout |= (offset <= blocks // 2) & (offset >= (0 if lower_only else -(blocks // 2)))


def _columns(layout: Layout, start: int, end: int, horizontal: bool, unidirectional: bool) -> None:
    """Global blocks start..end: their columns, from the diagonal down if unidirectional, and maybe their rows."""
    layout[start if unidirectional else 0 :, start:end] = True
    if horizontal:
        layout[start:end, :] = True


@dataclass(frozen=True)
class Fixed(StaticPattern):
    """Local squares, and in each the last `num_global_blocks` columns made global."""

    num_local_blocks: int = 4
    num_global_blocks: int = 1
    attention: str = "bidirectional"
    horizontal_global_attention: bool = False
    num_different_global_patterns: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        local, glob = self.num_local_blocks, self.num_global_blocks
        expect(
            glob >= 1 and local >= glob and local % glob == 0,
            "static.num_global_blocks",
            f"a divisor of {local}",
            glob,
        )
        many = self.num_different_global_patterns
        expect(1 <= many <= local // glob, "static.num_different_global_patterns", f"1 .. {local // glob}", many)
        if many > 1:
            expect(
                self.different_layout_per_head,
                "static.different_layout_per_head",
                "true with several patterns",
                False,
            )

    def head_layout(self, n: int, head: int, rng: np.random.Generator) -> Layout:
        layout = np.zeros((n, n), bool)
        unidirectional = self.attention == "unidirectional"
        _windows(layout, [self.num_local_blocks], unidirectional)
        first = self.num_local_blocks - (1 + head % self.num_different_global_patterns) * self.num_global_blocks
        whole = n - n % self.num_local_blocks
        starts = list(range(first, whole, self.num_local_blocks))
        if whole < n:
            starts.append(max(0, min(whole + first, n - self.num_global_blocks)))
        for start in starts:
            end = start + self.num_global_blocks
            _columns(layout, start, end, self.horizontal_global_attention, unidirectional)
        return layout


@dataclass(frozen=True)
class Variable(StaticPattern):
    """Local squares of given sizes, given global blocks, and random ones."""

    num_random_blocks: int = 0
    local_window_blocks: tuple[int, ...] = (4,)
    global_block_indices: tuple[int, ...] = (0,)
    global_block_end_indices: tuple[int, ...] | None = None
    attention: str = "bidirectional"
    horizontal_global_attention: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        sizes = self.local_window_blocks
        expect(len(sizes) > 0 and min(sizes) > 0, "static.local_window_blocks", "positive numbers", sizes)
        _check_ends(self.global_block_indices, self.global_block_end_indices)

    def head_layout(self, n: int, head: int, rng: np.random.Generator) -> Layout:
        layout = np.zeros((n, n), bool)
        unidirectional = self.attention == "unidirectional"
        for row in range(n):
            layout[row, rng.choice(n, min(self.num_random_blocks, n), replace=False)] = True
        _windows(layout, list(self.local_window_blocks), unidirectional)
        for start, end in _global_ranges(self.global_block_indices, self.global_block_end_indices, n):
            _columns(layout, start, end, self.horizontal_global_attention, unidirectional)
        return layout


def _check_ends(starts: tuple[int, ...], ends: tuple[int, ...] | None) -> None:
    if ends is not None:
        fits = len(starts) == len(ends) and all(s < e for s, e in zip(starts, ends, strict=False))
        expect(fits, "static.global_block_end_indices", f"an end above each of {starts}", ends)


def _global_ranges(starts: tuple[int, ...], ends: tuple[int, ...] | None, n: int) -> list[tuple[int, int]]:
    stops = ends if ends is not None else tuple(s + 1 for s in starts)
    return [(s, min(e, n)) for s, e in zip(starts, stops, strict=True) if s < n]


@dataclass(frozen=True)
class BigBird(StaticPattern):
    """Random blocks, a sliding window, and the first blocks global in rows and columns."""

    num_random_blocks: int = 1
    num_sliding_window_blocks: int = 3
    num_global_blocks: int = 1
    attention: str = "bidirectional"

    def head_layout(self, n: int, head: int, rng: np.random.Generator) -> Layout:
        layout = np.zeros((n, n), bool)
        unidirectional = self.attention == "unidirectional"
        for row in range(n):
            reach = row + 1 if unidirectional else n
            layout[row, rng.choice(reach, min(self.num_random_blocks, reach), replace=False)] = True
        _band(layout, self.num_sliding_window_blocks, lower_only=False)
        _columns(layout, 0, min(self.num_global_blocks, n), horizontal=True, unidirectional=False)
        return np.tril(layout) if unidirectional else layout


@dataclass(frozen=True)
class BSLongformer(StaticPattern):
    """A sliding window, and given blocks global in rows and columns."""

    num_sliding_window_blocks: int = 3
    global_block_indices: tuple[int, ...] = (0,)
    global_block_end_indices: tuple[int, ...] | None = None
    attention: str = "bidirectional"

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_ends(self.global_block_indices, self.global_block_end_indices)

    def head_layout(self, n: int, head: int, rng: np.random.Generator) -> Layout:
        layout = np.zeros((n, n), bool)
        _band(layout, self.num_sliding_window_blocks, lower_only=False)
        for start, end in _global_ranges(self.global_block_indices, self.global_block_end_indices, n):
            _columns(layout, start, end, horizontal=True, unidirectional=False)
        return np.tril(layout) if self.attention == "unidirectional" else layout


@dataclass(frozen=True)
class LocalSlidingWindow(StaticPattern):
    """A sliding window alone; DeepSpeed's default for it is unidirectional."""

    num_sliding_window_blocks: int = 3
    attention: str = "unidirectional"

    def head_layout(self, n: int, head: int, rng: np.random.Generator) -> Layout:
        layout = np.zeros((n, n), bool)
        _band(layout, self.num_sliding_window_blocks, lower_only=self.attention == "unidirectional")
        return layout


@dataclass(frozen=True)
class BlockStructured(StaticPattern):
    """Random tiles, equally many in each large block: the load is balanced by construction.

    `block` is the side of a square tile, the size of the PE array that works on it; a large block holds
    `block_rows` x `block_columns` positions. The published description gives 64x128 blocks, tiles of 32x32 and
    random choice, but not the share kept: `density` is ours.
    """

    block: int = 32
    different_layout_per_head: bool = True
    block_rows: int = 64
    block_columns: int = 128
    density: float = 0.25

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("block_rows", "block_columns"):
            value = getattr(self, name)
            expect(value >= 1 and value % self.block == 0, f"static.{name}", f"a multiple of {self.block}", value)
        expect(0 < self.density <= 1, "static.density", "a number in (0, 1]", self.density)

    def head_layout(self, n: int, head: int, rng: np.random.Generator) -> Layout:
        high, wide = self.block_rows // self.block, self.block_columns // self.block
        kept = max(1, round(self.density * high * wide))
        rows, columns = -(-n // high), -(-n // wide)
        layout = np.zeros((rows * high, columns * wide), bool)
        for r in range(rows):
            for c in range(columns):
                tiles = np.zeros(high * wide, bool)
                tiles[rng.choice(high * wide, kept, replace=False)] = True
                layout[r * high : (r + 1) * high, c * wide : (c + 1) * wide] = tiles.reshape(high, wide)
        return layout[:n, :n]


@dataclass(frozen=True)
class Named:
    """A pattern class with the parameters that its name stands for."""

    pattern: type[StaticPattern]
    parameters: Mapping[str, Any]

    DEEPSPEED: ClassVar[dict[str, type[StaticPattern]]] = {
        "dense": Dense,
        "fixed": Fixed,
        "variable": Variable,
        "bigbird": BigBird,
        "bslongformer": BSLongformer,
        "local_sliding_window": LocalSlidingWindow,
    }


def _named_patterns() -> dict[str, Named]:
    table = {name: Named(cls, {}) for name, cls in Named.DEEPSPEED.items()}
    varied = {"different_layout_per_head": True}
    table["longformer"] = Named(BSLongformer, {"num_sliding_window_blocks": 3, "global_block_indices": (0,)})
    table["published_bigbird"] = Named(BigBird, varied)
    table["hugebird"] = Named(
        BigBird,
        {
            "block": 32,
            "num_random_blocks": 3,
            "num_sliding_window_blocks": 3,
            "num_global_blocks": 2,
            **varied,
        },
    )
    table["block_structured"] = Named(BlockStructured, {})
    return table


PATTERNS = _named_patterns()
"""`fixed` and `longformer` are published configurations too: they equal DeepSpeed's defaults. In the published
BigBird configurations layouts differ per head and layer, in DeepSpeed's default they do not, hence the two names."""


def make_pattern(name: str, parameters: Mapping[str, Any] | None = None) -> StaticPattern:
    """The pattern of that name with some parameters replaced; InputError names what is unknown."""
    expect(name in PATTERNS, "static pattern", f"one of {', '.join(PATTERNS)}", repr(name))
    named = PATTERNS[name]
    values = {**named.parameters, **(parameters or {})}
    known = [f.name for f in fields(named.pattern)]
    for key in values:
        expect(key in known, f"static pattern {name}", f"parameters among {', '.join(known)}", repr(key))
    tuples: Any = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
    try:
        return named.pattern(**tuples)
    except TypeError as error:
        raise InputError(f"static pattern {name}: {error}") from error


def pattern_mask(
    pattern: StaticPattern, heads: int, queries: int, keys: int, layer: int = 0, seed: int = 0
) -> NDArray[np.bool_]:
    """bool [heads, queries, keys]. Where queries != keys, the corner of the pattern of the longer side."""
    n = -(-max(queries, keys) // pattern.block)
    layout = pattern.layout(n, heads, layer, seed)
    wide = layout.repeat(pattern.block, axis=1).repeat(pattern.block, axis=2)
    return wide[:, :queries, :keys]
