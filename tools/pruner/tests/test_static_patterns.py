"""Do the patterns have DeepSpeed's shapes and defaults, and the densities that are known of them?"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import pytest

from sanger_pruner import InputError
from sanger_pruner.static_patterns import PATTERNS, make_pattern, pattern_mask


def picture(layout: Any) -> list[str]:
    return ["".join("#" if bit else "." for bit in row) for row in layout]


def one_layout(name: str, n: int, **parameters: Any) -> list[str]:
    return picture(make_pattern(name, parameters).layout(n, 1)[0])


@pytest.mark.parametrize(
    ("name", "densities"),
    [
        ("dense", (1, 1, 1)),
        ("fixed", (0.343750, 0.375, 0.625)),
        ("longformer", (0.150391, 0.197917, 0.531250)),
    ],
)
def test_published_densities_at_512_384_and_128(name: str, densities: tuple[float, ...]) -> None:
    found = [pattern_mask(make_pattern(name), 2, n, n).mean() for n in (512, 384, 128)]
    assert found == pytest.approx(list(densities), abs=5e-7)


def test_published_longformer_and_fixed_equal_deepspeeds_defaults() -> None:
    assert make_pattern("longformer") == make_pattern("bslongformer")


@pytest.mark.parametrize(
    ("name", "defaults"),
    [
        ("dense", {}),
        (
            "fixed",
            {
                "num_local_blocks": 4,
                "num_global_blocks": 1,
                "attention": "bidirectional",
                "horizontal_global_attention": False,
                "num_different_global_patterns": 1,
            },
        ),
        (
            "variable",
            {
                "num_random_blocks": 0,
                "local_window_blocks": (4,),
                "global_block_indices": (0,),
                "global_block_end_indices": None,
                "attention": "bidirectional",
                "horizontal_global_attention": False,
            },
        ),
        (
            "bigbird",
            {
                "num_random_blocks": 1,
                "num_sliding_window_blocks": 3,
                "num_global_blocks": 1,
                "attention": "bidirectional",
            },
        ),
        (
            "bslongformer",
            {
                "num_sliding_window_blocks": 3,
                "global_block_indices": (0,),
                "global_block_end_indices": None,
                "attention": "bidirectional",
            },
        ),
        ("local_sliding_window", {"num_sliding_window_blocks": 3, "attention": "unidirectional"}),
    ],
)
def test_names_and_defaults_are_deepspeeds(name: str, defaults: dict[str, Any]) -> None:
    pattern = make_pattern(name)
    found = {f.name: getattr(pattern, f.name) for f in fields(pattern)}
    assert found == {"block": 16, "different_layout_per_head": False, **defaults}


def test_published_bigbirds_differ_per_head_and_layer() -> None:
    huge = make_pattern("hugebird")
    assert (huge.block, huge.num_random_blocks, huge.num_global_blocks) == (32, 3, 2)  # type: ignore[attr-defined]
    for name in ("published_bigbird", "hugebird"):
        first = pattern_mask(make_pattern(name), 3, 512, 512, layer=0)
        second = pattern_mask(make_pattern(name), 3, 512, 512, layer=1)
        assert not np.array_equal(first[0], first[1])
        assert not np.array_equal(first, second)
        assert np.array_equal(first, pattern_mask(make_pattern(name), 3, 512, 512, layer=0))
        assert not np.array_equal(first, pattern_mask(make_pattern(name), 3, 512, 512, layer=0, seed=1))


def test_deepspeeds_bigbird_shares_one_layout() -> None:
    first = pattern_mask(make_pattern("bigbird"), 3, 512, 512, layer=0)
    assert np.array_equal(first[0], first[2])
    assert np.array_equal(first, pattern_mask(make_pattern("bigbird"), 3, 512, 512, layer=5))


def test_fixed_makes_the_last_column_of_each_square_global_and_pulls_back_at_the_end() -> None:
    assert one_layout("fixed", 6) == ["####.#", "####.#", "####.#", "####.#", "...###", "...###"]
    assert one_layout("fixed", 8)[0] == "####...#"


def test_fixed_unidirectional() -> None:
    assert one_layout("fixed", 6, attention="unidirectional", num_local_blocks=2) == [
        "#.....",
        "##....",
        ".##...",
        ".###..",
        ".#.##.",
        ".#.###",
    ]


def test_fixed_global_patterns_rotate_over_heads() -> None:
    options = {"num_different_global_patterns": 4, "different_layout_per_head": True}
    layout = make_pattern("fixed", options).layout(8, 5)
    assert [picture(layout[h])[0] for h in range(5)] == ["####...#", "####..#.", "####.#..", "#####...", "####...#"]


def test_fixed_horizontal_global_attention_fills_rows() -> None:
    assert one_layout("fixed", 4, num_local_blocks=2, horizontal_global_attention=True) == [
        "##.#",
        "####",
        ".###",
        "####",
    ]


def test_variable_windows_the_last_of_which_repeats() -> None:
    options = {"local_window_blocks": [1, 2], "global_block_indices": [3], "global_block_end_indices": [5]}
    assert one_layout("variable", 6, **options) == ["#..##.", ".####.", ".####.", "...##.", "...##.", "...###"]


def test_variable_random_blocks_per_row() -> None:
    layout = make_pattern("variable", {"num_random_blocks": 2, "local_window_blocks": [1], "global_block_indices": []})
    rows = layout.layout(32, 1)[0]
    assert set(rows.sum(axis=1)) <= {2, 3}


def test_bigbird_has_window_global_and_random_blocks() -> None:
    layout = make_pattern("bigbird").layout(32, 1)[0]
    assert layout[0].all()
    assert layout[:, 0].all()
    offset = np.abs(np.subtract.outer(np.arange(32), np.arange(32)))
    assert layout[offset <= 1].all()
    rest = layout[1:, 1:].sum(axis=1) - (offset <= 1)[1:, 1:].sum(axis=1)
    assert set(rest) == {0, 1}


@pytest.mark.parametrize("name", ["bigbird", "bslongformer", "local_sliding_window", "fixed", "variable"])
def test_unidirectional_layouts_are_lower_triangular(name: str) -> None:
    layout = make_pattern(name, {"attention": "unidirectional"}).layout(20, 1)[0]
    assert not np.triu(layout, 1).any()
    assert layout.diagonal().all()


def test_local_sliding_window() -> None:
    assert one_layout("local_sliding_window", 4) == ["#...", "##..", ".##.", "..##"]
    assert one_layout("local_sliding_window", 3, attention="bidirectional") == ["##.", "###", ".##"]


def test_block_structured_fills_every_large_block_equally() -> None:
    mask = pattern_mask(make_pattern("block_structured"), 2, 256, 256)
    blocks = mask.reshape(2, 4, 64, 2, 128).sum(axis=(2, 4))
    assert set(blocks.flatten()) == {2 * 32 * 32}
    assert not np.array_equal(mask[0], mask[1])


@pytest.mark.parametrize("name", PATTERNS)
@pytest.mark.parametrize(("queries", "keys"), [(1, 1), (72, 72), (100, 37), (37, 100)])
def test_any_shape_works_and_is_the_corner_of_the_square(name: str, queries: int, keys: int) -> None:
    mask = pattern_mask(make_pattern(name), 2, queries, keys)
    assert mask.shape == (2, queries, keys)
    n = max(queries, keys)
    assert np.array_equal(mask, pattern_mask(make_pattern(name), 2, n, n)[:, :queries, :keys])


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("longest", {}, "static pattern: expected one of dense, fixed"),
        ("fixed", {"blocks": 3}, "static pattern fixed: expected parameters among block"),
        ("fixed", {"block": 0}, "static.block: expected a positive number, found 0"),
        ("fixed", {"num_global_blocks": 3}, "static.num_global_blocks: expected a divisor of 4"),
        ("fixed", {"num_different_global_patterns": 2}, "different_layout_per_head: expected true"),
        ("bigbird", {"attention": "sideways"}, "static.attention: expected bidirectional or unidirectional"),
        ("variable", {"global_block_end_indices": [0]}, "global_block_end_indices: expected an end above"),
        ("block_structured", {"block_rows": 65}, "static.block_rows: expected a multiple of 32"),
        ("block_structured", {"density": 0}, r"static.density: expected a number in \(0, 1\]"),
    ],
)
def test_bad_parameters_are_one_line(name: str, parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        make_pattern(name, parameters)
