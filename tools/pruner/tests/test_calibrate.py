"""Do calibrated thresholds leave the density that was asked for, and do sweeps and learned thresholds work?"""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import build_batch, build_model

import sanger_pruner as sp
from sanger_pruner.attachment import states
from sanger_pruner.calibrate import BINS, Histogram, bin_edge, bin_index, solve
from sanger_pruner.calibration_file import load_calibration, write_calibration
from sanger_pruner.measure import MaskedLayer
from sanger_pruner.rule import apply_empty_row
from sanger_pruner.thresholds import density_penalty


def ranged(kind: str, batches: list[Any], **options: Any) -> Any:
    model = sp.attach(build_model(kind), sp.PrunerConfig(**{"threshold": 0.03, **options}))
    with torch.inference_mode(), sp.calibrating(model):
        for batch in batches:
            model(**batch)
    return model


def measured(model: Any, batches: list[Any]) -> dict[str, Any]:
    return sp.measure_model(model, batches).report()


@pytest.mark.parametrize("kind", ["bert", "gpt2", "bart"])
@pytest.mark.parametrize("scope", ["global", "layer", "head"])
def test_the_density_asked_for_is_what_measure_finds(kind: str, scope: str) -> None:
    batches = [build_batch(kind, seed) for seed in range(3)]
    model = ranged(kind, batches, empty_row="top1")
    found = sp.calibrate_density(model, batches, 0.4, scope, tolerance=0.01)
    report = measured(model, batches)
    assert report["total"]["density"] == pytest.approx(found.density)
    assert report["total"]["density"] == pytest.approx(0.4, abs=0.01)
    if scope != "global":
        assert all(layer["density"] == pytest.approx(0.4, abs=0.01) for layer in report["layers"])
    if scope == "head":
        heads = [head["density"] for layer in report["layers"] for head in layer["heads"]]
        assert heads == pytest.approx([0.4] * len(heads), abs=0.01)


@pytest.mark.parametrize("empty_row", ["dense", "zero", "top1"])
def test_the_histogram_knows_the_density_of_every_threshold(empty_row: str) -> None:
    generator = torch.Generator().manual_seed(1)
    probabilities = torch.softmax(2 * torch.randn(2, 3, 12, 20, generator=generator), dim=-1)
    allowed = torch.ones(2, 1, 12, 20, dtype=torch.bool)
    allowed[1, ..., 15:] = False
    probabilities = probabilities * allowed
    everything = torch.ones(2, 12, dtype=torch.bool)
    layer = MaskedLayer("0", probabilities > 1, allowed, everything, allowed[:, 0, 0], None)
    histogram = Histogram.empty(3)
    histogram.add(probabilities, layer, empty_row)
    curve = histogram.densities(slice(None))
    maxima = [int(bin_index(probabilities[b, h, 0].amax())) for b in range(2) for h in range(3)]
    edges = [edge for peak in maxima for edge in (peak, peak + 1)]
    for index in (BINS - 800, BINS - 400, BINS - 250, BINS - 60, BINS - 1, *edges):
        keep = apply_empty_row(probabilities > bin_edge(index), probabilities, allowed, empty_row)
        share = float(keep.sum()) / float(allowed.expand_as(keep).sum())
        assert float(curve[index]) == pytest.approx(share, abs=1e-9)


def test_a_density_out_of_reach_names_the_least_there_is() -> None:
    batches = [build_batch("bert")]
    model = ranged("bert", batches, empty_row="top1")
    with pytest.raises(sp.InputError, match=r"model: target density: expected at least 0\.04\d+.*found 0\.001"):
        sp.calibrate_density(model, batches, 0.001)


def test_solve_takes_the_nearer_side() -> None:
    curve = torch.linspace(1, 0, BINS, dtype=torch.float64)
    assert solve(curve, float(curve[1000]) + 1e-6, "x") == bin_edge(1000)
    assert solve(curve, float(curve[1000]) - 1e-6, "x") == bin_edge(1000)


@pytest.mark.parametrize(
    ("policy", "target", "message"),
    [("topk:3", 0.5, "policy: expected sanger or learned"), ("sanger", 1.5, "target density: expected a number")],
)
def test_what_has_no_threshold_is_refused(policy: str, target: float, message: str) -> None:
    batches = [build_batch("bert")]
    with pytest.raises(sp.InputError, match=message):
        sp.calibrate_density(ranged("bert", batches, policy=policy), batches, target)


def test_a_sweep_goes_from_dense_to_sparse_and_leaves_the_model_alone() -> None:
    batches = [build_batch("gpt2", seed) for seed in range(2)]
    model = ranged("gpt2", batches, empty_row="top1")
    sp.set_thresholds(model, {"1": [0.1, 0.2, 0.3, 0.4]})
    rows = sp.sweep(model, batches, [1e-12, 0.01, 0.3])
    assert [row["threshold"] for row in rows] == [1e-12, 0.01, 0.3]
    assert rows[0]["density"] > 0.99 > rows[1]["density"] > rows[2]["density"]
    assert rows[0]["agreement"] > 0.95 > rows[2]["agreement"]
    assert rows[0]["loss"] == pytest.approx(rows[0]["dense_loss"], rel=1e-2)
    assert len({row["dense_loss"] for row in rows}) == 1
    assert states(model)["1"].thresholds().tolist() == [0.1, 0.2, 0.3, 0.4]


def test_a_sweep_takes_any_score() -> None:
    batches = [build_batch("bert")]
    rows = sp.sweep(ranged("bert", batches), batches, [0.02], lambda pruned, dense, batch: {"two": (4.0, 2.0)})
    assert rows[0]["two"] == 2


def test_sweeps_of_models_without_logits_report_their_hidden_states() -> None:
    batches = [build_batch("bert")]
    rows = sp.sweep(ranged("bert", batches), batches, [1e-9, 0.1])
    assert rows[0]["error"] < 0.2 < rows[1]["error"]
    assert rows[0]["cosine"] > rows[1]["cosine"]


def test_a_calibration_file_carries_thresholds_and_ranges(tmp_path: Path) -> None:
    batches = [build_batch("bert")]
    first = ranged("bert", batches)
    sp.set_thresholds(first, {"0": [0.1, 0.2, 0.3, 0.4]})
    write_calibration(tmp_path / "c.json", first, {"model": "m"})
    second = sp.attach(build_model("bert"), sp.PrunerConfig(threshold=0.9))
    load_calibration(second, tmp_path / "c.json")
    assert measured(first, batches) == measured(second, batches)


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("bart", {}, "quant_q: expected layers 0-enc"),
        ("bert", {"bits": 8}, "bits: expected the model's, 8, found 4"),
    ],
)
def test_a_calibration_of_another_model_is_refused(tmp_path: Path, kind: str, options: Any, message: str) -> None:
    write_calibration(tmp_path / "c.json", ranged("bert", [build_batch("bert")]), {})
    with pytest.raises(sp.InputError, match=message):
        load_calibration(sp.attach(build_model(kind), sp.PrunerConfig(**options)), tmp_path / "c.json")


def test_learned_thresholds_prune_as_stated_and_get_gradients() -> None:
    batch = build_batch("bert")
    learned, fixed = ranged("bert", [batch], policy="learned"), ranged("bert", [batch])
    with torch.inference_mode():
        torch.testing.assert_close(learned(**batch).last_hidden_state, fixed(**batch).last_hidden_state)
    output = learned(**batch).last_hidden_state
    with torch.inference_mode():
        torch.testing.assert_close(output, fixed(**batch).last_hidden_state, rtol=1e-4, atol=1e-4)
    output.pow(2).sum().backward()
    gradients = [state.log_threshold.grad for state in states(learned).values()]
    assert all(g is not None and g.isfinite().all() and (g != 0).all() for g in gradients)


def test_a_density_penalty_drives_learned_thresholds_up() -> None:
    """Forty steps on the penalty alone: every head's threshold rises and the measured density falls."""
    batch = build_batch("bert")
    model = ranged("bert", [batch], policy="learned", empty_row="top1")
    before = measured(model, [batch])["total"]["density"]
    parameters = [state.log_threshold for state in states(model).values()]
    start = [p.detach().clone() for p in parameters]
    optimiser = torch.optim.Adam(parameters, lr=0.05)
    for _ in range(40):
        optimiser.zero_grad()
        with density_penalty(model) as penalty:
            model(**batch)
        penalty.mean().backward()
        optimiser.step()
    assert all((p > s).all() for p, s in zip(parameters, start, strict=True))
    assert measured(model, [batch])["total"]["density"] < 0.8 * before


def test_a_penalty_in_training_moves_ranges_as_often_as_without_it() -> None:
    results = []
    for wanted in (False, True):
        model = ranged("bert", [build_batch("bert")], policy="learned").train()
        for dropout in (m for m in model.modules() if isinstance(m, torch.nn.Dropout)):
            dropout.p = 0.0
        with density_penalty(model) if wanted else nullcontext():
            model(**build_batch("bert", seed=5))
        results.append([float(state.quant_q) for state in states(model).values()])
    assert results[0] == results[1]


def test_a_penalty_without_learned_thresholds_is_refused() -> None:
    with (
        pytest.raises(sp.InputError, match="policy: expected learned"),
        density_penalty(ranged("bert", [build_batch("bert")])),
    ):
        pass
