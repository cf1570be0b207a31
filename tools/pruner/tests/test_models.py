"""Does one call put pruning on every kind of model, with causal and padding masks intact?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from conftest import CAUSAL_KINDS, KINDS, LENGTH, PADDED, TEXT_KINDS, build_batch, build_model, hidden
from transformers.masking_utils import bidirectional_mask_function, causal_mask_function

import sanger_pruner as sp
from sanger_pruner.attention import STATE, sanger_attention, sanger_mask, split_mask
from sanger_pruner.layers import find_layers

IDS_OF = {
    "bert": ["0", "1"],
    "roberta": ["0", "1"],
    "gpt2": ["0", "1"],
    "vit": ["0", "1"],
    "llama": ["0", "1"],
    "bart": ["0-enc", "1-enc", "0-dec", "0-cross", "1-dec", "1-cross"],
}


def run(model: Any, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    with torch.inference_mode():
        return hidden(model(**batch))


def calls_of(model: Any, batch: dict[str, torch.Tensor]) -> dict[str, sp.LayerCall]:
    calls: dict[str, sp.LayerCall] = {}
    with sp.observing(model, lambda call: calls.__setitem__(call.state.layer_id, call)):
        run(model, batch)
    return calls


def pruned(kind: str, **options: Any) -> Any:
    model = sp.attach(build_model(kind), sp.PrunerConfig(**{"threshold": 0.03, **options}))
    with sp.calibrating(model):
        run(model, build_batch(kind))
    return model


def real_rows(kind: str, output: torch.Tensor) -> torch.Tensor:
    """Outputs of positions that are no padding, [rows, features]."""
    if kind == "vit":
        return output.flatten(0, 1)
    name = "decoder_attention_mask" if kind == "bart" else "attention_mask"
    return output[build_batch(kind)[name].bool()]


@pytest.mark.parametrize("kind", KINDS)
def test_every_layer_is_found_and_named(kind: str) -> None:
    model = sp.attach(build_model(kind))
    assert list(sp.states(model)) == IDS_OF[kind]
    assert {state.heads for state in sp.states(model).values()} == {4}


@pytest.mark.parametrize("kind", KINDS)
def test_dense_policy_equals_eager_attention(kind: str) -> None:
    model, batch = build_model(kind), build_batch(kind)
    model.set_attn_implementation("eager")
    wanted = real_rows(kind, run(model, batch))
    found = real_rows(kind, run(sp.attach(model, sp.PrunerConfig("dense")), batch))
    torch.testing.assert_close(found, wanted, rtol=2e-4, atol=2e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_pruning_prunes_and_keeps_within_what_is_allowed(kind: str) -> None:
    calls = calls_of(pruned(kind), build_batch(kind))
    assert sorted(calls) == sorted(IDS_OF[kind])
    for call in calls.values():
        assert call.keep is not None
        allowed = torch.ones_like(call.keep) if call.allowed is None else call.allowed.expand_as(call.keep)
        assert not (call.keep & ~allowed).any()
        assert 0 < call.keep.sum() < allowed.sum()


@pytest.mark.parametrize("kind", KINDS)
def test_output_equals_dense_attention_under_the_same_mask(kind: str) -> None:
    model, batch = pruned(kind), build_batch(kind)
    for layer in find_layers(model):
        call = calls_of(model, batch)[layer.layer_id]
        heads = call.q.shape[1]
        k, v = (x.repeat_interleave(heads // x.shape[1], dim=1) for x in (call.k, call.v))
        wanted = torch.nn.functional.scaled_dot_product_attention(call.q, k, v, attn_mask=call.keep, scale=call.scaling)
        with torch.inference_mode():
            found, _ = sanger_attention(layer.module, call.q, call.k, call.v, call.allowed, scaling=call.scaling)
        real = call.keep.any(dim=-1) if call.keep is not None else None
        torch.testing.assert_close(found.transpose(1, 2)[real], wanted[real], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", CAUSAL_KINDS)
@pytest.mark.parametrize("padded", [False, True])
def test_no_token_sees_a_later_one(kind: str, padded: bool) -> None:
    model, batch = pruned(kind), build_batch(kind, padded=padded)
    changed = {**batch, "input_ids": batch["input_ids"].clone()}
    changed["input_ids"][:, 10:] = (changed["input_ids"][:, 10:] + 11) % 50
    before, after = run(model, batch), run(model, changed)
    assert torch.equal(before[:, :10], after[:, :10])
    assert not torch.equal(before[:, 10:], after[:, 10:])


def test_barts_decoder_is_causal_and_its_encoder_is_not() -> None:
    calls = calls_of(pruned("bart"), build_batch("bart"))
    for layer_id, call in calls.items():
        assert call.allowed is not None
        future = torch.ones(call.allowed.shape[-2:], dtype=torch.bool).triu(1)
        assert bool((call.allowed[0, 0] & future).any()) == (not layer_id.endswith("-dec"))


def test_barts_cross_attention_prunes_encoder_keys_and_respects_their_padding() -> None:
    call = calls_of(pruned("bart"), build_batch("bart"))["0-cross"]
    assert (call.q.shape[2], call.k.shape[2]) == (LENGTH - 8, LENGTH)
    assert call.keep is not None
    assert call.keep[0, ..., -PADDED:].any()
    assert not call.keep[1, ..., -PADDED:].any()


@pytest.mark.parametrize("kind", TEXT_KINDS)
def test_no_token_sees_padding(kind: str) -> None:
    model, batch = pruned(kind), build_batch(kind)
    changed = {**batch, "input_ids": batch["input_ids"].clone()}
    changed["input_ids"][1, -PADDED:] = 17
    before, after = run(model, batch), run(model, changed)
    end = None if kind == "bart" else LENGTH - PADDED
    assert torch.equal(before[1, :end], after[1, :end])


@pytest.mark.parametrize("kind", CAUSAL_KINDS)
def test_left_padding_changes_nothing_but_the_position(kind: str) -> None:
    model, batch = pruned(kind), build_batch(kind, padded=False)
    ids = torch.cat([torch.full((2, 5), 9), batch["input_ids"]], dim=1)
    mask = torch.ones_like(ids)
    mask[:, :5] = 0
    positions = (mask.cumsum(-1) - 1).clamp_min(0)
    found = run(model, {"input_ids": ids, "attention_mask": mask, "position_ids": positions})
    torch.testing.assert_close(found[:, 5:], run(model, batch), rtol=1e-4, atol=1e-4)


def test_a_cached_step_sees_what_a_full_pass_sees() -> None:
    model, ids = pruned("llama"), build_batch("llama")["input_ids"][:1]
    with torch.inference_mode():
        start = model(ids[:, :-1], use_cache=True)
        step = model(ids[:, -1:], past_key_values=start.past_key_values)
        full = model(ids)
    torch.testing.assert_close(hidden(step)[:, -1], hidden(full)[:, -1], rtol=1e-4, atol=1e-4)


def test_llamas_key_heads_are_shared_in_order() -> None:
    call = calls_of(pruned("llama"), build_batch("llama"))["0"]
    assert (call.q.shape[1], call.k.shape[1]) == (4, 2)
    state = call.state
    repeated = call.k[:, [0, 0, 1, 1]]
    wanted, _ = state.keep(call.q, repeated, call.allowed, None, call.scaling)
    assert call.keep is not None
    assert wanted is not None
    assert torch.equal(call.keep, wanted)


@pytest.mark.parametrize("pattern", [causal_mask_function, bidirectional_mask_function])
def test_a_mask_is_made_even_where_a_flag_would_do(pattern: Any) -> None:
    mask = sanger_mask(
        2, 3, 3, mask_function=pattern, attention_mask=torch.ones(2, 3).bool(), allow_is_bidirectional_skip=True
    )
    assert mask is not None
    future = mask[..., torch.ones(3, 3, dtype=torch.bool).triu(1)]
    assert bool(future.any()) == (pattern is bidirectional_mask_function)


def test_a_causal_module_without_a_mask_is_causal() -> None:
    module = torch.nn.Module()
    module.is_causal = True
    q, k = torch.zeros(1, 1, 2, 4), torch.zeros(1, 1, 3, 4)
    allowed, _ = split_mask(module, None, q, k, None)
    assert allowed is not None
    assert allowed[0, 0].tolist() == [[True, True, False], [True, True, True]]


def test_a_float_mask_is_split_into_what_is_allowed_and_what_is_added() -> None:
    mask = torch.tensor([[[[0.0, -1.5, torch.finfo(torch.float32).min]]]])
    q, k = torch.zeros(1, 1, 1, 4), torch.zeros(1, 1, 3, 4)
    allowed, added = split_mask(torch.nn.Module(), mask, q, k, None)
    assert allowed is not None
    assert added is not None
    assert allowed.flatten().tolist() == [True, True, False]
    assert added.flatten().tolist() == [0, -1.5, 0]


def test_position_biases_take_part_in_scores_and_prediction() -> None:
    config = transformers.T5Config(
        vocab_size=50, d_model=64, d_kv=16, d_ff=64, num_layers=2, num_heads=4, decoder_start_token_id=0
    )
    torch.manual_seed(0)
    model, batch = transformers.T5EncoderModel(config).eval(), build_batch("bert")
    wanted = run(model, batch)
    found = run(sp.attach(model, sp.PrunerConfig("dense")), batch)
    torch.testing.assert_close(found[0], wanted[0], rtol=1e-4, atol=1e-4)
    assert all(call.biased for call in calls_of(model, batch).values())


def test_gradients_reach_weights_but_not_through_the_predictor() -> None:
    model = pruned("bert", threshold=0.9, empty_row="top1").train()
    output = hidden(model(**build_batch("bert")))
    output.pow(2).sum().backward()
    # With one key per row the weights are constants: only the predictor could carry a gradient to the queries.
    for layer in find_layers(model):
        assert layer.module.value.weight.grad.abs().sum() > 0
        assert layer.module.query.weight.grad.abs().max() < 1e-6


def test_gradient_checkpointing_moves_ranges_once_and_gives_the_same_gradients() -> None:
    results = []
    for checkpointing in (False, True):
        model = pruned("bert").train()
        for dropout in (m for m in model.modules() if isinstance(m, torch.nn.Dropout)):
            dropout.p = 0.0
        if checkpointing:
            getattr(model, "activation_checkpointing_enable", model.gradient_checkpointing_enable)()
        hidden(model(**build_batch("bert", seed=5))).pow(2).sum().backward()
        gradient = next(find_layers(model)[0].module.parameters()).grad
        results.append((float(sp.states(model)["1"].quant_q), gradient))
    assert results[0][0] == results[1][0]
    torch.testing.assert_close(results[0][1], results[1][1], rtol=1e-5, atol=1e-6)


def test_state_travels_with_the_state_dict() -> None:
    first, second = pruned("gpt2"), sp.attach(build_model("gpt2", seed=9), sp.PrunerConfig(threshold=0.03))
    sp.set_thresholds(first, {"1": [0.1, 0.2, 0.3, 0.4]})
    names = [name for name in first.state_dict() if f".{STATE}." in name]
    assert len(names) == 2 * 3
    second.load_state_dict(first.state_dict())
    assert torch.equal(run(first, build_batch("gpt2")), run(second, build_batch("gpt2")))
    assert sp.states(second)["1"].thresholds().tolist() == [0.1, 0.2, 0.3, 0.4]


@pytest.mark.parametrize("policy", ["sanger", "learned"])
def test_a_saved_model_comes_back_with_policy_ranges_and_thresholds(tmp_path: Path, policy: str) -> None:
    model = pruned("bert", policy=policy, bits=6)
    sp.set_thresholds(model, {"0": 0.07})
    model.save_pretrained(tmp_path)
    loaded = transformers.BertModel.from_pretrained(tmp_path).eval()
    sp.attach_saved(loaded, tmp_path)
    assert sp.states(loaded)["0"].config == sp.PrunerConfig(policy, threshold=0.03, bits=6)
    assert torch.equal(run(model, build_batch("bert")), run(loaded, build_batch("bert")))


def test_loading_a_model_that_was_not_pruned_is_refused(tmp_path: Path) -> None:
    build_model("bert").save_pretrained(tmp_path)
    with pytest.raises(sp.InputError, match=r"config\.json: sanger_pruner: expected a saved pruner"):
        sp.attach_saved(transformers.BertModel.from_pretrained(tmp_path), tmp_path)


def test_detach_leaves_nothing_behind() -> None:
    model, batch = build_model("bert"), build_batch("bert")
    before, names = run(model, batch), set(model.state_dict())
    sp.detach(sp.attach(model, sp.PrunerConfig("dense")))
    assert torch.equal(run(model, batch), before)
    assert set(model.state_dict()) == names


def test_attaching_again_changes_the_policy_and_keeps_ranges() -> None:
    model = pruned("bert")
    before = float(sp.states(model)["1"].quant_k)
    sp.attach(model, sp.PrunerConfig("topk:3"))
    assert float(sp.states(model)["1"].quant_k) == before > 0
    assert calls_of(model, build_batch("bert"))["0"].keep.sum(-1).unique().tolist() == [3]  # type: ignore[union-attr]


def test_an_override_ends_with_its_block() -> None:
    model, batch = pruned("bert"), build_batch("bert")
    before = run(model, batch)
    with sp.overriding(model, sp.PrunerConfig("dense")):
        assert not torch.equal(run(model, batch), before)
    assert torch.equal(run(model, batch), before)


def test_a_model_without_the_interface_is_refused() -> None:
    with pytest.raises(sp.InputError, match="Linear: expected layers that use transformers' attention interface"):
        sp.attach(torch.nn.Linear(2, 2))


def test_running_uncalibrated_is_refused() -> None:
    model = sp.attach(build_model("bert"))
    with pytest.raises(sp.NotCalibrated):
        run(model, build_batch("bert"))


def test_score_modifications_that_the_machine_lacks_are_refused() -> None:
    model = pruned("bert")
    module = find_layers(model)[0].module
    x = torch.ones(1, 4, 2, 16)
    with pytest.raises(ValueError, match="softcap: expected none, found float"):
        sanger_attention(module, x, x, x, None, softcap=30.0)


def test_rows_that_keep_nothing_give_zero_under_the_zero_policy() -> None:
    model = pruned("bert", threshold=0.9, empty_row="zero")
    layer = find_layers(model)[0]
    call = calls_of(model, build_batch("bert"))["0"]
    found, weights = sanger_attention(layer.module, call.q, call.k, call.v, call.allowed, scaling=call.scaling)
    assert call.keep is not None
    empty = ~call.keep.any(dim=-1)
    assert empty.any()
    assert (found.transpose(1, 2)[empty] == 0).all()
    assert (weights[empty] == 0).all()


def test_autocast_does_not_touch_the_prediction() -> None:
    """q and k in bfloat16 are the same values as in float32, so their masks must be too."""
    state = sp.states(pruned("bert"))["0"]
    q, k = (torch.randn(1, 4, 20, 16).bfloat16() for _ in range(2))
    wanted = state.predict(q.float(), k.float(), None, None, 0.25).scores
    with torch.autocast("cpu", torch.bfloat16):
        found = state.predict(q, k, None, None, 0.25).scores
    assert torch.equal(found, wanted)


def test_half_precision_models_run() -> None:
    model = pruned("bert")
    batch, before = build_batch("bert"), float(sp.states(model)["0"].quant_q)
    assert run(model.to(torch.bfloat16), batch).isfinite().all()
    assert float(sp.states(model)["0"].quant_q) == before
