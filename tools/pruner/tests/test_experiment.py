"""Do the experiments run from the command, and do the committed figures belong to them?"""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import ROOT

from sanger_pruner import PrunerConfig, attach
from sanger_pruner.cli.main import main
from sanger_pruner.experiments.digits import Digits
from sanger_pruner.experiments.language import MODULES, Language, docstrings
from sanger_pruner.experiments.report import markdown
from sanger_pruner.experiments.runner import fit, measure

COMMITTED = ROOT / "tools" / "pruner" / "experiments"
NAMES = ("digits", "language")


@pytest.mark.parametrize("name", NAMES)
def test_an_experiment_runs_and_repeats(name: str, tmp_path: Path) -> None:
    reports: list[dict[str, Any]] = []
    for folder in ("one", "two")[: 2 if name == "digits" else 1]:
        out = tmp_path / folder
        assert main(["experiment", name, "--quick", "--seeds", "0", "--out", str(out)]) == 0
        assert sorted(p.name for p in out.iterdir()) == [f"{name}.json", f"{name}.md", f"{name}.png"]
        assert (out / f"{name}.png").read_bytes()[:4] == b"\x89PNG"
        reports.append(json.loads((out / f"{name}.json").read_text()))
    assert all(report["runs"] == reports[0]["runs"] for report in reports)
    table = {row["variant"]: row for row in reports[0]["table"]}
    assert table["dense"]["density"] == 1
    assert table["static bslongformer"]["density"] < 0.5
    assert len(reports[0]["runs"]) == len(table)


def test_training_digits_learns_them() -> None:
    torch.manual_seed(0)
    experiment = Digits(quick=True)
    model = attach(experiment.build(), PrunerConfig("dense"))
    before = measure(experiment, model)["accuracy"]
    fit(experiment, model, 60, 3e-3, 0)
    assert measure(experiment, model)["accuracy"] > before + 15


def test_language_holds_its_test_text_out() -> None:
    experiment = Language(quick=True)
    windows = {tuple(row) for row in experiment.stream.unfold(0, 32, 1).tolist()}
    held_out = [tuple(row[:32]) for row in experiment.test.tolist()]
    assert not windows & set(held_out)
    assert experiment.about["train"] > 9 * experiment.about["test"] // 2


def test_docstrings_are_those_of_the_modules() -> None:
    import textwrap

    found = list(docstrings("textwrap"))
    assert found[0] == (textwrap.__doc__ or "").strip()
    assert len(found) > 10
    assert len(set(MODULES)) == len(MODULES)


@pytest.mark.parametrize("name", NAMES)
def test_the_committed_table_follows_from_the_committed_runs(name: str) -> None:
    report = json.loads((COMMITTED / f"{name}.json").read_text())
    metric = report["metric"]
    assert len(report["seeds"]) >= 3
    dense = {run["seed"]: run[metric] for run in report["runs"] if run["variant"] == "dense"}
    for row in report["table"]:
        changes = [run[metric] - dense[run["seed"]] for run in report["runs"] if run["variant"] == row["variant"]]
        assert row["change"] == pytest.approx(statistics.fmean(changes))
        assert row["change_std"] == pytest.approx(statistics.stdev(changes))
        for figure in ("density", metric):
            values = [run[figure] for run in report["runs"] if run["variant"] == row["variant"]]
            assert row[figure] == pytest.approx(statistics.fmean(values))
            assert row[f"{figure}_std"] == pytest.approx(statistics.stdev(values))
    assert (COMMITTED / f"{name}.md").read_text() == markdown(report)
    experiment = Digits() if name == "digits" else None
    if experiment is not None:
        assert [v.name for v in experiment.variants] == [row["variant"] for row in report["table"]]
        assert (report["steps"], report["more_steps"]) == (experiment.steps, experiment.more_steps)


@pytest.mark.parametrize("seeds", ["a", "1,1", "-1"])
def test_bad_seeds(seeds: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["experiment", "digits", f"--seeds={seeds}", "--out", str(tmp_path / "x")]) == 2
    assert "--seeds: expected" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()
