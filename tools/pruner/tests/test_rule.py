"""Does the rule hold, number by number and bit by bit?"""

from __future__ import annotations

import double_rule
import numpy as np
import pytest
import torch

from sanger_pruner import NotCalibrated, PrunerConfig, PrunerState
from sanger_pruner.rule import (
    apply_empty_row,
    fake_quantise,
    level_count,
    normalise_rows,
    row_norms,
    top_key,
    topk_keep,
)
from sanger_pruner.state import RUNNING_RATE


def make_state(config: PrunerConfig, heads: int = 2) -> PrunerState:
    state = PrunerState(config, heads, "0", 0)
    state.eval()
    state.calibrating = True
    return state


def test_levels_are_one_less_than_half_the_codes() -> None:
    assert [level_count(bits) for bits in (2, 4, 6, 8)] == [1, 7, 31, 127]


def test_rounding_is_half_to_even_and_clamps() -> None:
    t = torch.tensor(7.0)
    x = torch.tensor([0.5, 1.5, 2.5, -0.5, -1.5, 6.6, 9.0, -9.0])
    assert fake_quantise(x, t, 4).tolist() == [0, 2, 2, 0, -2, 7, 7, -7]


@pytest.mark.parametrize("bits", [2, 4, 6, 8])
def test_fake_quantised_values_equal_the_formula_bit_for_bit(bits: int) -> None:
    x = torch.randn(1000, generator=torch.Generator().manual_seed(bits))
    t, m = x.abs().max() * 0.9, 2 ** (bits - 1) - 1
    assert torch.equal(fake_quantise(x, t, bits), torch.clamp(torch.round(x * (m / t)), -m, m) / (m / t))


def test_zero_rows_stay_zero() -> None:
    x = torch.zeros(3, 4)
    x[1] = torch.tensor([0.0, 3.0, 0.0, 4.0])
    assert normalise_rows(x, row_norms(x))[1].tolist() == [0.0, 0.6000000238418579, 0.0, 0.800000011920929]
    assert normalise_rows(x, row_norms(x))[0].tolist() == [0, 0, 0, 0]


def test_a_zero_query_predicts_equal_probabilities() -> None:
    state = make_state(PrunerConfig(threshold=0.2, empty_row="zero"))
    q, k = torch.randn(1, 2, 3, 16), torch.randn(1, 2, 4, 16)
    q[0, 0, 1] = 0
    prediction = state.predict(q, k, None, None, 0.25)
    assert prediction.probabilities is not None
    assert prediction.probabilities[0, 0, 1].tolist() == [0.25] * 4
    keep, _ = state.keep(q, k, None, None, 0.25)
    assert keep is not None
    assert keep[0, 0, 1].all()


@pytest.mark.parametrize("bits", [2, 4, 6, 8])
@pytest.mark.parametrize("d", [16, 32, 64])
def test_masks_equal_an_independent_double_precision_evaluation(d: int, bits: int) -> None:
    """12 cases of 1,048,576 bits: at most 1e-4 of the bits differ, and each for a reason that can be shown."""
    generator = torch.Generator().manual_seed(d * bits)
    threshold, scaling = 2e-3, d**-0.5
    state = make_state(PrunerConfig(threshold=threshold, bits=bits, empty_row="zero"), heads=4)
    q, k = (2 * torch.randn(1, 4, 512, d, generator=generator) for _ in range(2))
    keep, _ = state.keep(q, k, None, None, scaling)
    assert keep is not None
    t_q, t_k = float(state.quant_q), float(state.quant_k)
    wide_q, wide_k = q.double().numpy(), k.double().numpy()
    exact = double_rule.probabilities(wide_q, wide_k, t_q, t_k, bits, scaling, np.array(True))
    differs = keep.numpy() != (exact > threshold)
    assert 0.01 < keep.double().mean() < 0.99
    assert differs.sum() <= 1e-4 * differs.size
    at_threshold = np.abs(exact / threshold - 1) < 1e-5
    boundary_q = double_rule.near_boundary(wide_q, t_q, bits)
    # One key on a boundary moves its own score and, by the sum, its whole row.
    boundary_k = double_rule.near_boundary(wide_k, t_k, bits).any(axis=-1, keepdims=True)
    explained = at_threshold | boundary_q[..., None] | boundary_k[..., None]
    assert not (differs & ~explained).any()


@pytest.mark.parametrize("d", [16, 64, 256])
def test_masks_equal_the_literal_float32_formula(d: int) -> None:
    """Where 1/sqrt(d) is exact, no bit of 262,144 differs from fq(qh) fq(kh)^T ||Q|| ||K|| / sqrt(d)."""
    generator = torch.Generator().manual_seed(d)
    q, k = (torch.randn(1, 4, 256, d, generator=generator) for _ in range(2))
    state = make_state(PrunerConfig(empty_row="zero"), heads=4)
    keep, _ = state.keep(q, k, None, None, d**-0.5)
    norm_q, norm_k = q.norm(dim=-1, keepdim=True), k.norm(dim=-1, keepdim=True)
    quantised_q = fake_quantise(q / norm_q, state.quant_q, 4)
    quantised_k = fake_quantise(k / norm_k, state.quant_k, 4)
    scores = quantised_q @ quantised_k.transpose(-1, -2) * norm_q * norm_k.transpose(-1, -2) / d**0.5
    assert keep is not None
    assert torch.equal(keep, torch.softmax(scores, dim=-1) > 2e-3)


def test_masks_do_not_depend_on_batch_shape() -> None:
    generator = torch.Generator().manual_seed(3)
    q, k = (torch.randn(4, 2, 40, 32, generator=generator) for _ in range(2))
    state = make_state(PrunerConfig(threshold=1e-2))
    together, _ = state.keep(q, k, None, None, 32**-0.5)
    state.calibrating = False
    assert together is not None
    for i in range(4):
        alone, _ = state.keep(q[i : i + 1], k[i : i + 1], None, None, 32**-0.5)
        assert alone is not None
        assert torch.equal(alone[0], together[i])


def test_running_maximum_starts_at_the_maximum_and_then_moves_by_a_ten_thousandth() -> None:
    state = PrunerState(PrunerConfig(), 1, "0", 0).train()
    # Rows of one element, normalised, are +-1; rows of two equal ones are sqrt(1/2).
    single, pair = torch.tensor([[[[3.0, 0.0]]]]), torch.tensor([[[[3.0, 3.0]]]])
    state.predict(pair, pair, None, None, 1.0)
    first = float(state.quant_q)
    assert first == pytest.approx(0.5**0.5, rel=1e-6)
    state.predict(single, single, None, None, 1.0)
    assert float(state.quant_q) == pytest.approx(first - RUNNING_RATE * (first - 1), rel=1e-6)
    assert float(state.quant_q) != first
    state.eval()
    before = float(state.quant_q)
    state.predict(single, single, None, None, 1.0)
    assert float(state.quant_q) == before


def test_an_uncalibrated_quantiser_is_refused() -> None:
    state = PrunerState(PrunerConfig(), 1, "7-enc", 0).eval()
    with pytest.raises(NotCalibrated, match="layer 7-enc: quant_q"):
        state.predict(torch.ones(1, 1, 2, 4), torch.ones(1, 1, 2, 4), None, None, 0.5)


def test_a_quantiser_that_saw_only_zeros_is_refused() -> None:
    state = PrunerState(PrunerConfig(), 1, "0", 0).train()
    with pytest.raises(NotCalibrated, match="quant_k"):
        state.predict(torch.ones(1, 1, 2, 4), torch.zeros(1, 1, 2, 4), None, None, 0.5)


def empty_row_case() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    keep = torch.tensor([[True, False, True], [False, False, False], [False, False, True]])
    allowed = torch.tensor([[True, True, False], [False, True, True], [False, False, False]])
    scores = torch.tensor([[0.0, 1, 0], [9.0, 2, 2], [0.0, 0, 1]]).masked_fill(~allowed, -1e30)
    return keep, allowed, scores


@pytest.mark.parametrize(
    ("policy", "second_row"),
    [("zero", [False, False, False]), ("dense", [False, True, True]), ("top1", [False, True, False])],
)
def test_rows_that_keep_nothing_follow_the_stated_policy(policy: str, second_row: list[bool]) -> None:
    keep, allowed, scores = empty_row_case()
    result = apply_empty_row(keep, scores, allowed, policy)
    assert result.tolist() == [[True, False, False], second_row, [False, False, False]]


def test_top_key_takes_the_lowest_index_among_equals() -> None:
    assert top_key(torch.tensor([[1.0, 5, 5, 2]])).tolist() == [[False, True, False, False]]


def test_topk_keeps_exactly_k_and_the_lower_index_among_equals() -> None:
    assert topk_keep(torch.tensor([[2.0, 1, 2, 2, 3]]), 3).tolist() == [[True, False, True, False, True]]
    assert topk_keep(torch.tensor([[2.0, 1]]), 3).tolist() == [[True, True]]


def test_topk_among_many_equals_keeps_the_first() -> None:
    """Long enough for sorts that are not stable to show it."""
    keep = topk_keep(torch.zeros(2, 4000), 1500)
    assert keep[:, :1500].all()
    assert not keep[:, 1500:].any()


def test_a_probability_at_the_threshold_is_not_kept() -> None:
    state = make_state(PrunerConfig(threshold=0.25, empty_row="zero"))
    keep, _ = state.keep(torch.zeros(1, 2, 1, 4) + torch.eye(4)[0], torch.ones(1, 2, 4, 4), None, None, 0.5)
    assert keep is not None
    assert not keep.any()


def test_thresholds_per_head_apply_per_head() -> None:
    state = make_state(PrunerConfig(empty_row="zero"))
    q, k = torch.randn(1, 2, 8, 16), torch.randn(1, 2, 8, 16)
    state.set_thresholds([0.0, 0.999999])
    keep, _ = state.keep(q, k, None, None, 0.25)
    assert keep is not None
    assert keep[0, 0].all()
    assert not keep[0, 1].any()


def test_ranges_stay_float32_when_a_model_is_halved() -> None:
    state = PrunerState(PrunerConfig("learned"), 2, "0", 0)
    state.quant_q.fill_(0.7654321)
    torch.nn.Sequential(state).half()
    assert (state.quant_q.dtype, state.threshold.dtype, state.log_threshold.dtype) == (
        torch.float32,
        torch.float64,
        torch.float32,
    )
    assert float(state.quant_q) == pytest.approx(0.7654321, abs=1e-7)
