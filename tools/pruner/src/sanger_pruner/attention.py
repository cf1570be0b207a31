"""The attention function and the mask function that transformers calls by the name `sanger`.

Both must be registered under one name: with the attention function alone, transformers hands over no mask for an
implementation it does not know, and causal and padding masks vanish without a word.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.masking_utils import sdpa_mask

from .state import LayerCall, Prediction, PrunerState

NAME = "sanger"
STATE = "sanger"
"""Attribute of an attention module that holds its PrunerState, hence part of the names in a state dict."""

GATE_TEMPERATURE = 0.5
"""Width, in natural logarithm of the probability, of the soft gate that learned thresholds get gradients through."""

UNSUPPORTED = ("softcap", "s_aux", "cache")


def sanger_mask(*args: Any, **kwargs: Any) -> Tensor | None:
    """Bool mask [B,1,L,M], True where a query may attend. Always made, never left to a flag like is_causal."""
    kwargs["allow_is_causal_skip"] = False
    kwargs["allow_is_bidirectional_skip"] = False
    return sdpa_mask(*args, **kwargs)  # type: ignore[no-any-return]


def split_mask(module: nn.Module, mask: Tensor | None, q: Tensor, k: Tensor, causal: bool | None) -> Masks:
    """What a layer may attend to, and what is added to its scores.

    A bool mask says the first alone. A float one is both: entries at the type's minimum forbid, others add. Without
    a mask a causal module is causal.
    """
    queries, keys = q.shape[-2], k.shape[-2]
    if mask is None:
        is_causal = getattr(module, "is_causal", False) if causal is None else causal
        if not is_causal or queries == 1:
            return None, None
        ones = torch.ones(queries, keys, dtype=torch.bool, device=q.device)
        return ones.tril(keys - queries)[None, None], None
    mask = mask[..., :keys]
    if mask.dtype == torch.bool:
        return mask, None
    allowed = mask > torch.finfo(mask.dtype).min / 2
    added = mask.masked_fill(~allowed, 0)
    return allowed, added if bool(added.any()) else None


Masks = tuple[Tensor | None, Tensor | None]


def repeat_heads(x: Tensor, heads: int) -> Tensor:
    """Key heads [B,Hkv,M,d] repeated for the query heads that share them: [B,H,M,d]."""
    return x if x.shape[1] == heads else x.repeat_interleave(heads // x.shape[1], dim=1)


def soft_gate(probabilities: Tensor, state: PrunerState) -> Tensor:
    """A sigmoid in place of `probabilities > threshold`, with a gradient to the learned threshold of each head."""
    log_p = probabilities.clamp_min(1e-30).log()
    return torch.sigmoid((log_p - state.log_threshold[:, None, None]) / GATE_TEMPERATURE)


def gated_softmax(weights: Tensor, keep: Tensor | None, prediction: Prediction, state: PrunerState) -> Tensor:
    """Attention weights with a gradient to learned thresholds: their values are `weights`, which are normalised
    over the kept keys; backward sees a sigmoid of log Pp against each head's threshold in place of the step."""
    assert prediction.probabilities is not None
    gate = soft_gate(prediction.probabilities, state)
    straight = 1 + gate - gate.detach()
    gated = weights * straight
    return gated / gated.sum(dim=-1, keepdim=True).clamp_min(1e-30)


def sanger_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    scaling: float | None = None,
    dropout: float = 0.0,
    is_causal: bool | None = None,
    position_bias: Tensor | None = None,
    **kwargs: Any,
) -> tuple[Tensor, Tensor]:
    """Pruned attention: query [B,H,L,d], key and value [B,Hkv,M,d] -> output [B,L,H,d], weights [B,H,L,M].

    Raises RuntimeError for a module that `attach` did not see and ValueError for score modifications that the
    machine does not have (soft caps, attention sinks, paged caches).
    """
    state = getattr(module, STATE, None)
    if not isinstance(state, PrunerState):
        raise RuntimeError(f"{type(module).__name__}: no pruner state; call sanger_pruner.attach on the whole model")
    for name in UNSUPPORTED:
        if kwargs.get(name) is not None:
            raise ValueError(f"{type(module).__name__}: {name}: expected none, found {type(kwargs[name]).__name__}")
    scaling = query.shape[-1] ** -0.5 if scaling is None else scaling
    if state.storage is not None:
        query, key, value = (x.to(state.storage).to(x.dtype) for x in (query, key, value))
    allowed, bias = split_mask(module, attention_mask, query, key, is_causal)
    if position_bias is not None:
        bias = position_bias if bias is None else bias + position_bias
    heads = query.shape[1]
    keys, values = repeat_heads(key, heads), repeat_heads(value, heads)
    with torch.no_grad():
        keep, prediction = state.keep(query, keys, allowed, bias, scaling)
    weights = _weights(query, keys, bias, keep, scaling)
    if _may_be_empty(state, allowed) and keep is not None:
        weights = weights.masked_fill(~keep.any(dim=-1, keepdim=True), 0)
    if state.config.policy == "learned" and torch.is_grad_enabled() and prediction is not None:
        weights = gated_softmax(weights, keep, prediction, state)
    if state.observer is not None:
        state.observer(LayerCall(state, query, key, value, allowed, keep, scaling, bias is not None))
    weights = weights.to(query.dtype)
    dropped = nn.functional.dropout(weights, p=dropout, training=module.training)
    return (dropped @ values).transpose(1, 2).contiguous(), weights


def _weights(q: Tensor, k: Tensor, bias: Tensor | None, keep: Tensor | None, scaling: float) -> Tensor:
    """softmax over the kept keys, float32 where the model is narrower: [B,H,L,M].

    The published form adds -10000 to pruned scores. Filling them with the type's minimum gives the same weights,
    without that sum's loss of digits in rows where everything is pruned.
    """
    scores = (q @ k.transpose(-1, -2)) * scaling
    if bias is not None:
        scores = scores + bias
    if keep is not None:
        scores = scores.masked_fill(~keep, torch.finfo(scores.dtype).min)
    wide = torch.float32 if scores.dtype in (torch.float16, torch.bfloat16) else scores.dtype
    return torch.softmax(scores, dim=-1, dtype=wide)


def _may_be_empty(state: PrunerState, allowed: Tensor | None) -> bool:
    # Under `dense` and `top1` only a row without any allowed key (a padded query) stays empty, and no one reads it.
    return state.config.empty_row == "zero" and state.config.policy != "dense"


AttentionInterface.register(NAME, sanger_attention)
AttentionMaskInterface.register(NAME, sanger_mask)
