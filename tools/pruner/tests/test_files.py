"""Do output files appear complete or not at all?"""

from __future__ import annotations

from pathlib import Path

import pytest

from sanger_pruner import InputError
from sanger_pruner.files import read_json, replacing, write_json


def test_an_unfinished_file_is_removed_and_the_old_one_stays(tmp_path: Path) -> None:
    path = tmp_path / "f.txt"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt), replacing(path) as temporary:  # noqa: PT012 - it is interrupted
        temporary.write_text("half")
        raise KeyboardInterrupt
    assert [p.name for p in tmp_path.iterdir()] == ["f.txt"]
    assert path.read_text() == "old"


def test_values_that_json_does_not_know_are_refused_before_a_file_appears(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "f.json", {"x": float("nan")})
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_written_or_read_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written: No such file or directory"):
        write_json(tmp_path / "none" / "f.json", 1)
    (tmp_path / "f.json").write_text("{")
    with pytest.raises(InputError, match=r"f\.json: expected a JSON file, found Expecting property name"):
        read_json(tmp_path / "f.json")
