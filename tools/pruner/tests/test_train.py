"""Do train and eval go from the command line to a metric on every task and model, and does training resume?"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import ROOT
from safetensors.torch import load_file

import sanger_pruner as sp
from sanger_pruner.cli.main import main
from sanger_pruner.density import DensityMeter
from sanger_pruner.measure import measure_model

SAMPLES = ROOT / "tools" / "pruner" / "samples"
sys.path.insert(0, str(SAMPLES))
from tiny_models import KINDS, write_tiny_model  # noqa: E402

SOURCES = {
    "squad": ("squad/train.json", "squad/dev.json", ["--length", "64", "--stride", "16"], "f1"),
    "glue:sst2": ("glue/sst2_train.tsv", "glue/sst2_dev.jsonl", ["--length", "32"], "accuracy"),
    "cloth": ("cloth/train", "cloth/valid", ["--length", "64"], "accuracy"),
}
POLICIES = {
    "dense": ["--policy", "dense"],
    "sanger": ["--policy", "sanger", "--threshold", "0.02"],
    "static": ["--policy", "static:bslongformer", "--static", "block=4"],
}


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("tiny")
    return {kind: str(write_tiny_model(kind, folder / kind)) for kind in KINDS}


def options(task: str, model: str) -> list[str]:
    train, dev, sizes, _ = SOURCES[task]
    files = ["--train-file", str(SAMPLES / train), "--eval-file", str(SAMPLES / dev)]
    return ["--task", task, "--model", model, *files, *sizes, "--batch", "4"]


def eval_options(task: str, model: str) -> list[str]:
    _, dev, sizes, _ = SOURCES[task]
    return ["--task", task, "--model", model, "--eval-file", str(SAMPLES / dev), *sizes, "--batch", "4"]


@pytest.mark.parametrize("policy", list(POLICIES))
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("task", list(SOURCES))
def test_train_then_eval(
    task: str, kind: str, policy: str, tiny: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, again = tmp_path / "model", tmp_path / "again.json"
    assert main(["train", *options(task, tiny[kind]), *POLICIES[policy], "--steps", "2", "--out", str(out)]) == 0
    trained = json.loads((out / "metrics.json").read_text())
    metric = SOURCES[task][3]
    assert f"{metric} {trained['metrics'][metric]:.4f}" in capsys.readouterr().out
    assert trained["training"]["steps"] == 2
    density = trained["metrics"]["density"]
    assert density == 1 if policy == "dense" else 0.05 < density < 0.99
    # eval takes weights, policy and ranges from the folder: the same figures come out.
    assert main(["eval", *eval_options(task, str(out)), "--out", str(again)]) == 0
    evaluated = json.loads(again.read_text())
    assert evaluated["metrics"] == trained["metrics"]
    assert evaluated["policy"] == trained["policy"]


def test_a_new_policy_keeps_the_trained_ranges(tiny: dict[str, str], tmp_path: Path) -> None:
    """Calibrating on the evaluation data instead would give another range than a running maximum of training."""
    from sanger_pruner.cli import task_options
    from sanger_pruner.cli.main import build_parser
    from sanger_pruner.tasks import make_task

    out = tmp_path / "model"
    assert main(["train", *options("glue:sst2", tiny["bert"]), "--steps", "1", "--out", str(out)]) == 0
    arguments = build_parser().parse_args(
        ["eval", *eval_options("glue:sst2", str(out)), "--policy", "topk:4", "--out", str(tmp_path / "m.json")]
    )
    task_options.apply_preset(arguments)
    model, _ = task_options.load_for_task(arguments, make_task("glue:sst2"))
    saved = weights(out)
    for layer_id, state in sp.states(model).items():
        assert state.config.policy == "topk:4"
        name = next(n for n in saved if f".{layer_id}." in n and n.endswith("quant_q"))
        assert float(state.quant_q) == float(saved[name]) > 0


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


@pytest.mark.parametrize(("kind", "policy"), [("bert", "sanger"), ("gpt2", "dense"), ("bart", "learned")])
def test_resumed_training_is_the_same_bit_for_bit(
    kind: str, policy: str, tiny: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    wanted = [*options("glue:sst2", tiny[kind]), "--policy", policy, "--steps", "4", "--learning-rate", "0.01"]
    assert main(["train", *wanted, "--out", str(whole)]) == 0
    assert main(["train", *wanted, "--out", str(broken), "--stop-after", "2"]) == 0
    assert "stopped; go on with --resume" in capsys.readouterr().out
    assert not (broken / "config.json").exists()
    halfway = load_file(broken / "checkpoints" / "checkpoint-2" / "model.safetensors")
    # An unfinished checkpoint, as a crash leaves it, is not resumed from.
    (broken / "checkpoints" / "checkpoint-3").mkdir()
    assert main(["train", *wanted, "--out", str(broken), "--resume"]) == 0
    first, second = weights(whole), weights(broken)
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert any(not torch.equal(first[name], halfway[name]) for name in first)
    if policy != "dense":
        ranges = [name for name in first if name.endswith("quant_q")]
        assert ranges
        assert all(first[name] > 0 for name in ranges)
    if policy == "learned":
        moved = [first[name] for name in first if name.endswith("log_threshold")]
        assert any(not torch.equal(x, torch.full_like(x, 2e-3).log()) for x in moved)
    assert (
        json.loads((whole / "metrics.json").read_text())["metrics"]
        == (json.loads((broken / "metrics.json").read_text())["metrics"])
    )


def test_training_learns_the_samples(tiny: dict[str, str], tmp_path: Path) -> None:
    out = tmp_path / "model"
    train = str(SAMPLES / "glue" / "sst2_train.tsv")
    more = ["--eval-file", train, "--steps", "40", "--learning-rate", "0.003", "--threshold", "0.01"]
    assert main(["train", *options("glue:sst2", tiny["bert"]), *more, "--out", str(out)]) == 0
    assert json.loads((out / "metrics.json").read_text())["metrics"]["accuracy"] == 1


def test_predictions_are_written_by_question(tiny: dict[str, str], tmp_path: Path) -> None:
    found = tmp_path / "answers.json"
    arguments = [*eval_options("squad", tiny["bert"]), "--predictions", str(found), "--out", str(tmp_path / "m.json")]
    assert main(["eval", *arguments]) == 0
    text = (SAMPLES / "squad" / "dev.json").read_text()
    answers = json.loads(found.read_text())
    assert sorted(answers) == [f"dev-{i:02d}" for i in range(1, 7)]
    assert all(answer in text for answer in answers.values())


@pytest.mark.parametrize("policy", ["sanger", "static:bslongformer"])
@pytest.mark.parametrize("kind", ["bert", "gpt2", "bart"])
def test_density_is_that_of_measure(kind: str, policy: str) -> None:
    from conftest import build_batch, build_model

    static = {"block": 4} if policy.startswith("static") else {}
    model = sp.attach(build_model(kind), sp.PrunerConfig(policy, threshold=0.02, static=static))
    batch = build_batch(kind)
    if policy == "sanger":
        with sp.calibrating(model):
            model(**batch)
    meter = DensityMeter(batch)
    with torch.inference_mode(), sp.observing(model, meter):
        model(**batch)
    total: dict[str, Any] = measure_model(model, [batch]).report()["total"]
    assert meter.density == pytest.approx(total["density"])
    assert 0 < meter.density < 1


BAD = {
    "no task": (["--task", "imdb"], "--task: expected one of squad"),
    "no model": (["--model", "no/such/folder/here"], "expected a model"),
    "no file": (["--train-file", "none.tsv"], "none.tsv: expected a file, found none"),
    "no eval file": (["--eval-file", "none.tsv"], "none.tsv: expected a file, found none"),
    "too long": (["--length", "4096"], "--length: expected at most 128"),
    "rate": (["--learning-rate", "0"], "--learning-rate: expected a number above 0"),
    "preset": (["--preset", "bert-squad"], "preset: expected one of bert-base-squad"),
    "preset of another task": (["--preset", "bert-base-squad"], "--task: expected squad, which the preset is for"),
    "resume of nothing": (["--resume"], "expected a JSON file"),
    "no folder": (["--out", "/nowhere/at/all"], "expected a folder in an existing folder"),
}


@pytest.mark.parametrize("name", list(BAD))
def test_bad_usage_is_one_line_and_leaves_nothing(
    name: str, tiny: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more, message = BAD[name]
    out = tmp_path / "model"
    assert main(["train", *options("glue:sst2", tiny["bert"]), "--steps", "1", "--out", str(out), *more]) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.count("\n") == 1
    assert not out.exists()


def test_a_folder_with_training_is_not_overwritten_nor_resumed_differently(
    tiny: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = ["--out", str(tmp_path / "model")]
    wanted = [*options("glue:sst2", tiny["bert"]), "--steps", "2", "--stop-after", "1"]
    assert main(["train", *wanted, *out]) == 0
    capsys.readouterr()
    assert main(["train", *wanted, *out]) == 2
    assert "expected a new folder, or --resume" in capsys.readouterr().err
    assert main(["train", *wanted, *out, "--resume", "--seed", "3"]) == 2
    assert "training.json: policy: expected" in capsys.readouterr().err


def test_eval_refuses_predictions_of_other_tasks(
    tiny: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = ["--out", str(tmp_path / "m.json"), "--predictions", str(tmp_path / "p.json")]
    assert main(["eval", *eval_options("cloth", tiny["bert"]), *files]) == 2
    assert "--predictions: expected task squad, found cloth" in capsys.readouterr().err
    assert not list(tmp_path.glob("*.json"))
