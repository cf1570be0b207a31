"""What pruning keeps per attention layer: quantiser ranges, thresholds, and how masks are made from them.

A `PrunerState` is a submodule of the attention module it serves, so its tensors are saved, loaded and moved with
the model. They stay float32 whatever type the model is converted to: a range rounded to half precision would move
every code.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .config import PrunerConfig
from .errors import InputError
from .rule import (
    apply_empty_row,
    masked_softmax,
    predicted_scores,
    quantise_operand,
    topk_keep,
)
from .static_patterns import make_pattern, pattern_mask

RUNNING_RATE = 1 - 0.9999
"""Share of the difference by which a training step moves a running maximum."""


class NotCalibrated(InputError):
    """A quantiser was asked for codes before it saw data: its range is 0 and every prediction would be equal."""


@dataclass(frozen=True)
class LayerCall:
    """One call of one attention layer, as an observer sees it.

    q [B,H,L,d], k and v [B,Hkv,M,d] in the model's type; `allowed` and `keep` bool [B,H,L,M], broadcastable, or
    None where every position is; `biased` where something was added to scores beyond the mask.
    """

    state: PrunerState
    q: Tensor
    k: Tensor
    v: Tensor
    allowed: Tensor | None
    keep: Tensor | None
    scaling: float
    biased: bool


Observer = Callable[[LayerCall], None]


@dataclass(frozen=True)
class Prediction:
    """Masked predicted scores (float32 [B,H,L,M]) and, for thresholded policies, their softmax."""

    scores: Tensor
    probabilities: Tensor | None


class PrunerState(nn.Module):
    """State and policy of one attention layer with `heads` query heads."""

    quant_q: Tensor
    quant_k: Tensor
    threshold: Tensor

    def __init__(self, config: PrunerConfig, heads: int, layer_id: str, layer_index: int) -> None:
        super().__init__()
        self.config = config
        self.heads = heads
        self.layer_id = layer_id
        self.layer_index = layer_index
        self.calibrating = False
        self.observer: Observer | None = None
        self.storage: torch.dtype | None = None
        self._ready: set[str] = set()
        self.register_buffer("quant_q", torch.zeros(()))
        self.register_buffer("quant_k", torch.zeros(()))
        self.register_buffer("threshold", torch.full((heads,), config.threshold, dtype=torch.float64))
        if config.policy == "learned":
            self.log_threshold = nn.Parameter(torch.full((heads,), config.threshold).log())

    def thresholds(self) -> Tensor:
        """The threshold of each head, float64 [H]."""
        if self.config.policy == "learned":
            return self.log_threshold.detach().exp().double()
        return self.threshold

    def set_thresholds(self, values: float | list[float]) -> None:
        """One threshold for the layer, or one per head."""
        new = torch.as_tensor(values, dtype=torch.float64, device=self.threshold.device)
        if new.ndim and new.shape != self.threshold.shape:
            raise ValueError(f"layer {self.layer_id}: expected {self.heads} thresholds, found {tuple(new.shape)}")
        self.threshold.copy_(new)
        if self.config.policy == "learned":
            with torch.no_grad():
                self.log_threshold.copy_(new.log())

    def forget_ranges(self) -> None:
        """Back to quantisers that have seen no data."""
        self.quant_q.zero_()
        self.quant_k.zero_()
        self._ready.clear()

    def predict(
        self,
        q: Tensor,
        k: Tensor,
        allowed: Tensor | None,
        bias: Tensor | None,
        scaling: float,
        track: bool = True,
    ) -> Prediction:
        """Predicted scores of q [B,H,L,d] and k [B,H,M,d], keys already repeated per query head.

        `track` False leaves running maxima alone: for a second look at data that moved them already.
        """
        bits = self.config.bits
        # Autocast would round the exact integer products to 16 bits.
        with torch.autocast(q.device.type, enabled=False):
            quantised_q = quantise_operand(q.float(), bits, lambda unit: self._range("quant_q", unit, track))
            quantised_k = quantise_operand(k.float(), bits, lambda unit: self._range("quant_k", unit, track))
            scores = predicted_scores(quantised_q, quantised_k, scaling)
        if bias is not None:
            scores += bias
        if not self.config.thresholded:
            if allowed is not None:
                scores.masked_fill_(~allowed, torch.finfo(scores.dtype).min)
            return Prediction(scores, None)
        return Prediction(scores, masked_softmax(scores, allowed))

    def keep(
        self, q: Tensor, k: Tensor, allowed: Tensor | None, bias: Tensor | None, scaling: float
    ) -> tuple[Tensor | None, Prediction | None]:
        """The mask, bool broadcastable to [B,H,L,M] or None for all, and the prediction that it came from."""
        if self.config.policy == "dense":
            return allowed, None
        if not self.config.predicts:
            return self._static_keep(q, k, allowed), None
        prediction = self.predict(q, k, allowed, bias, scaling)
        if prediction.probabilities is not None:
            limit = self.thresholds().to(prediction.probabilities.dtype)[:, None, None]
            keep = prediction.probabilities > limit
        else:
            assert self.config.topk is not None
            keep = topk_keep(prediction.scores, self.config.topk)
        return apply_empty_row(keep, prediction.scores, allowed, self.config.empty_row), prediction

    def _static_keep(self, q: Tensor, k: Tensor, allowed: Tensor | None) -> Tensor:
        name = self.config.static_name
        assert name is not None
        parameters = tuple(sorted((key, _hashable(value)) for key, value in self.config.static.items()))
        mask = _pattern(name, parameters, self.heads, q.shape[-2], k.shape[-2], self.layer_index, self.config.seed)
        keep = torch.from_numpy(mask).to(q.device)[None]
        keep = keep.clone() if allowed is None else keep & allowed
        return apply_empty_row(keep, None, allowed, self.config.empty_row)

    def _range(self, name: str, unit: Tensor, track: bool) -> Tensor:
        """The quantiser's range for these normalised rows, after they moved it where they may."""
        t: Tensor = getattr(self, name)
        if self.calibrating:
            t.copy_(torch.maximum(t, unit.abs().amax()))
        elif self.training and track and not _in_backward():
            peak = unit.abs().amax()
            t.copy_(torch.where(t == 0, peak, t - RUNNING_RATE * (t - peak)))
        if name not in self._ready:
            if float(t) <= 0:
                raise NotCalibrated(
                    f"layer {self.layer_id}: {name} has seen no data, or only zeros; train the model, "
                    "load calibrated state, or run it inside sanger_pruner.calibrating(model)"
                )
            self._ready.add(name)
        return t

    def _load_from_state_dict(self, *args: Any, **kwargs: Any) -> None:
        super()._load_from_state_dict(*args, **kwargs)
        self._ready.clear()

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> PrunerState:
        kept = {name: tensor.detach() for name, tensor in (*self.named_buffers(), *self.named_parameters())}
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        for name, tensor in kept.items():
            moved = getattr(self, name)
            if moved.dtype != tensor.dtype:
                moved.data = tensor.to(moved.device)
        return self


def _in_backward() -> bool:
    # Gradient checkpointing runs a layer again during the backward pass; a range must see each batch once.
    return int(torch._C._current_graph_task_id()) != -1


def _hashable(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


@lru_cache(maxsize=64)
def _pattern(
    name: str,
    parameters: tuple[tuple[str, Any], ...],
    heads: int,
    queries: int,
    keys: int,
    layer: int,
    seed: int,
) -> np.typing.NDArray[np.bool_]:
    mask = pattern_mask(make_pattern(name, dict(parameters)), heads, queries, keys, layer, seed)
    return np.ascontiguousarray(mask)
