"""Are the published values reproduced, and files read as they say?"""

from __future__ import annotations

from pathlib import Path

import pytest

from sanger_pruner import InputError
from sanger_pruner.estimate import estimate_file, estimate_layer, v1_seconds, v2_seconds

GOLDEN = [
    ((1, 1, 512), 1.572864, 1.933312),
    ((0.1, 0.5, 512), 1.022362, 1.010565),
    ((0.25, 1, 512), 1.056768, 1.048576),
    ((0.1, 0.9, 384), 0.712704, 0.705195),
    ((0.2, 0.9, 128), 0.243029, 0.241158),
]


@pytest.mark.parametrize(("case", "v1", "v2"), GOLDEN)
def test_golden_values(case: tuple[float, float, int], v1: float, v2: float) -> None:
    assert v1_seconds(*case) * 1e3 == pytest.approx(v1, abs=6e-7)
    assert v2_seconds(*case) * 1e3 == pytest.approx(v2, abs=6e-7)


def test_cycles_are_those_of_1_ghz() -> None:
    row = estimate_layer("3", 1, 1, 512).to_dict()
    assert (row["v1_cycles"], row["v2_cycles"]) == pytest.approx((1572864, 1933312))


def test_a_layer_that_keeps_nothing_costs_its_projections() -> None:
    row = estimate_layer("0", 0, 0, 128)
    assert row.v1_s == row.v2_s == pytest.approx(3 * 2 * 128 * 768 * 768 / 2048e9)


def write(folder: Path, text: str) -> Path:
    path = folder / "f.csv"
    path.write_text(text)
    return path


def test_a_published_file_needs_a_length_and_numbers_its_rows(tmp_path: Path) -> None:
    header = "50%-no-skip,50%-skip,25%-no-skip,25%-skip,overall-sparsity"
    path = write(tmp_path, f"{header}\n0.3,0.4,0.4,0.5,0.1\n1,1,1,1,1\n")
    rows = estimate_file(path, length=512)
    assert [row.layer for row in rows] == ["0", "1"]
    assert [row.v1_s * 1e3 for row in rows] == pytest.approx([1.022362, 1.572864], abs=6e-7)
    with pytest.raises(InputError, match="row 1: length: expected a column"):
        estimate_file(path)


def test_rows_of_one_layer_are_averaged(tmp_path: Path) -> None:
    header = "layer,batch,length,25%-skip,density"
    path = write(tmp_path, f"{header}\n0-enc,0,128,0.8,0.1\n1-enc,0,128,0.5,0.5\n0-enc,1,128,1.0,0.3\n")
    first, second = estimate_file(path)
    assert (first.layer, first.density, first.balance, first.length) == ("0-enc", pytest.approx(0.2), 0.9, 128)
    assert first.v2_s * 1e3 == pytest.approx(0.241158, abs=6e-7)
    assert second.layer == "1-enc"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("layer,length,25%-skip,density\n", "expected at least one row, found 0"),
        ("layer,length,25%-skip,density\n0,128,x,0.1\n", "row 1: 25%-skip: expected a number, found 'x'"),
        ("layer,length,density\n0,128,0.1\n", "row 1: 25%-skip: expected a number, found None"),
        ("layer,length,25%-skip,density\n0,128,0.5,1.5\n", r"layer 0: density: expected a number in \[0, 1\]"),
        ("layer,length,25%-skip,density\n0,128,0,0.5\n", "layer 0: 25%-skip: expected a number above 0"),
        ("layer,length,25%-skip,density\n0,8,1,1\n0,9,1,1\n", "layer 0: length: expected the same in every row"),
        ("layer,length,25%-skip,density\n0,8.5,1,1\n", "row 1: length: expected a whole number, found '8.5'"),
    ],
)
def test_bad_files_are_one_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        estimate_file(write(tmp_path, text))


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected a load balance file"):
        estimate_file(tmp_path / "none.csv")
