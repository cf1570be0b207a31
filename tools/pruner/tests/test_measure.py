"""Are the figures those of the definitions, on masks small enough to count by hand and on known patterns?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from conftest import ROOT, build_batch, build_model

import sanger_pruner as sp
from sanger_pruner.measure import (
    CORRECTED_COLUMNS,
    MaskedLayer,
    Measurement,
    correct_published,
    corrected_row,
    count,
    exact_mask,
    published_row,
    utilisation,
    vector_sums,
)
from sanger_pruner.static_patterns import make_pattern, pattern_mask


def layer_of(keep: Any, allowed: Any = None, valid: Any = None, exact: Any = None) -> MaskedLayer:
    """A layer of one sequence from a mask [H,L,M]."""
    keep = torch.as_tensor(np.array(keep), dtype=torch.bool)[None]
    _, _, queries, keys = keep.shape
    valid = torch.ones(1, keys, dtype=torch.bool) if valid is None else torch.as_tensor(valid)[None]
    if allowed is None:
        allowed = valid[:, None, None, :].expand(1, 1, queries, keys)
    valid_q = valid if queries == keys else torch.ones(1, queries, dtype=torch.bool)
    return MaskedLayer("0", keep, torch.as_tensor(allowed), valid_q, valid, exact)


def test_vectors_are_runs_of_64_keys_the_last_shorter() -> None:
    bits = torch.zeros(1, 130, dtype=torch.bool)
    bits[0, [0, 63, 64, 129]] = True
    assert vector_sums(bits).tolist() == [[2, 1, 1]]


@pytest.mark.parametrize(("name", "sixteen", "thirty_two"), [("fixed", 1, 0.6111), ("longformer", 1, 0.7333)])
def test_published_utilisations_at_512(name: str, sixteen: float, thirty_two: float) -> None:
    counts = count(layer_of(pattern_mask(make_pattern(name), 1, 512, 512)))
    assert utilisation(counts, 0, 16, skip=True) == pytest.approx(sixteen, abs=5e-5)
    assert utilisation(counts, 0, 32, skip=True) == pytest.approx(thirty_two, abs=5e-5)


def hand_mask() -> Any:
    """Two rows of 128 keys: 20 and 0 ones in the first row's vectors, 16 and 33 in the second's."""
    keep = np.zeros((1, 2, 128), bool)
    keep[0, 0, :20] = True
    keep[0, 1, :16] = True
    keep[0, 1, 64:97] = True
    return keep


def test_figures_of_a_mask_counted_by_hand() -> None:
    """U16 = 69/16 in 2+1+3 passes, U32 = 69/32 in 1+1+2; three vectors hold something, one is empty."""
    layer = layer_of(hand_mask())
    published, corrected = published_row(layer), corrected_row(count(layer))
    u16, u32 = 69 / 16, 69 / 32
    wanted = {"50%-no-skip": u32 / (4 + 3), "50%-skip": u32 / 4, "25%-no-skip": u16 / (6 + 3), "25%-skip": u16 / 6}
    assert published == pytest.approx({**wanted, "overall-sparsity": 69 / 256})
    wanted |= {"50%-no-skip": u32 / (4 + 1), "25%-no-skip": u16 / (6 + 1), "density": 69 / 256, "sparsity": 187 / 256}
    assert corrected == pytest.approx(wanted)


def test_a_published_row_can_be_corrected_without_its_mask() -> None:
    layer = layer_of(hand_mask())
    assert correct_published(published_row(layer)) == pytest.approx(corrected_row(count(layer)))
    assert tuple(correct_published(published_row(layer))) == CORRECTED_COLUMNS


def test_published_density_averages_sequences_and_the_corrected_one_pools_them() -> None:
    valid = torch.zeros(2, 64, dtype=torch.bool)
    valid[0], valid[1, :16] = True, True
    keep = torch.zeros(2, 1, 64, 64, dtype=torch.bool)
    keep[0, :, :, :16] = True
    keep[1, :, :16, :16] = True
    layer = MaskedLayer("0", keep, valid[:, None, None, :].expand(2, 1, 64, 64), valid, valid, None)
    assert published_row(layer)["overall-sparsity"] == pytest.approx((0.25 + 1) / 2)
    assert corrected_row(count(layer))["density"] == pytest.approx((64 * 16 + 16 * 16) / (64 * 64 + 16 * 16))


def test_padded_rows_and_keys_count_nowhere() -> None:
    valid = np.arange(100) < 70
    keep = np.ones((1, 100, 100), bool)
    layer = layer_of(keep, valid=valid)
    row = corrected_row(count(layer))
    assert row["density"] == 1
    # 70 rows of 64 and 6 keys: 4 + 1 passes of 16 for 4.375 vectors' worth.
    assert row["25%-skip"] == pytest.approx((70 / 16) / 5)
    assert row["25%-no-skip"] == row["25%-skip"]


def test_a_causal_layers_future_is_no_position_but_the_published_density_counts_it() -> None:
    allowed = np.tri(128, dtype=bool)[None, None]
    layer = layer_of(np.tri(128, dtype=bool)[None], allowed=allowed)
    assert corrected_row(count(layer))["density"] == 1
    assert published_row(layer)["overall-sparsity"] == pytest.approx(129 / 256)
    # Vectors wholly in the future are not there to be skipped.
    assert corrected_row(count(layer))["25%-no-skip"] == corrected_row(count(layer))["25%-skip"]


def test_recall_and_precision_against_a_given_mask() -> None:
    keep = np.zeros((1, 4, 4), bool)
    keep[0, 0] = [True, True, True, False]
    exact = torch.zeros(1, 1, 4, 4, dtype=torch.bool)
    exact[0, 0, 0] = torch.tensor([False, True, True, True])
    exact[0, 0, 1, 0] = True
    result = Measurement()
    result.add(layer_of(keep, exact=exact), 0)
    total = result.report()["total"]
    assert (total["recall"], total["precision"]) == pytest.approx((2 / 4, 2 / 3))


def test_the_exact_mask_is_the_rule_without_quantisation() -> None:
    q, k = torch.randn(1, 2, 20, 16), torch.randn(1, 1, 20, 16)
    allowed = torch.ones(1, 1, 20, 20, dtype=torch.bool).tril()
    config = sp.PrunerConfig(threshold=0.05, empty_row="zero")
    found = exact_mask(q, k, allowed, 0.25, config, torch.tensor([0.05, 0.2]))
    scores = (q.double() @ k.double().transpose(-1, -2) * 0.25).masked_fill(~allowed, -torch.inf)
    assert torch.equal(found, torch.softmax(scores, -1) > torch.tensor([0.05, 0.2])[:, None, None])


def test_with_many_bits_the_prediction_finds_nearly_everything() -> None:
    recalls, precisions = [], []
    for bits in (2, 4, 8):
        model = sp.attach(build_model("bert"), sp.PrunerConfig(threshold=0.03, bits=bits))
        with torch.inference_mode(), sp.calibrating(model):
            model(**build_batch("bert"))
        total = sp.measure_model(model, [build_batch("bert")]).report()["total"]
        recalls.append(total["recall"])
        precisions.append(total["precision"])
    assert recalls[0] < recalls[1] < recalls[2]
    assert recalls[2] > 0.98
    assert precisions[2] > 0.98


def test_every_layer_call_has_a_named_row() -> None:
    model = sp.attach(build_model("bart"), sp.PrunerConfig("static:fixed"))
    result = sp.measure_model(model, [build_batch("bart"), build_batch("bart", 1)])
    names = ["0-enc", "1-enc", "0-dec", "0-cross", "1-dec", "1-cross"]
    assert [(row["layer"], row["batch"]) for row in result.published] == [(n, b) for b in (0, 1) for n in names]
    assert [len(layer["heads"]) for layer in result.report()["layers"]] == [4] * 6


def test_a_traces_figures_equal_those_of_the_model_that_made_it(tmp_path: Any) -> None:
    model, batch = sp.attach(build_model("gpt2"), sp.PrunerConfig(threshold=0.03)), build_batch("gpt2")
    sp.export_trace(model, [batch], tmp_path / "t.safetensors", dtype="F32", calibrate=True, progress=False)
    from_trace = sp.measure_trace(sp.Trace(tmp_path / "t.safetensors")).report()
    assert from_trace == sp.measure_model(model, [batch]).report()


def test_minilms_density_is_where_it_was_measured() -> None:
    total = sp.measure_trace(sp.Trace(ROOT / "traces" / "minilm_128.safetensors")).report()["total"]
    assert total["density"] == pytest.approx(0.479, abs=0.02)
    assert total["utilisation"]["16"]["skip"] == pytest.approx(0.805, abs=0.01)
