"""The share of positions that a model keeps, counted while it runs on something else's account."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from .load import Batch
from .measure import ratio
from .state import LayerCall


@dataclass
class DensityMeter:
    """Observer that adds up kept and allowed positions of valid queries. Set `batch` before each model call: it
    holds the decoder's mask."""

    batch: Batch
    kept: int = 0
    allowed: int = 0

    def __call__(self, call: LayerCall) -> None:
        b, heads, queries, _ = call.q.shape
        full = (b, heads, queries, call.k.shape[2])
        every = torch.ones((), dtype=torch.bool, device=call.q.device)
        allowed = (every if call.allowed is None else call.allowed).expand(full)
        real = allowed & self._valid_queries(call, allowed)
        self.allowed += int(real.sum())
        self.kept += int((real if call.keep is None else real & call.keep).sum())

    def _valid_queries(self, call: LayerCall, allowed: torch.Tensor) -> torch.Tensor:
        """bool, broadcastable to [B,H,L,M]."""
        mask = self.batch.get("decoder_attention_mask")
        if call.state.layer_id.endswith("-cross") and mask is not None:
            return mask.bool().to(allowed.device)[:, None, :, None]
        if allowed.shape[-1] != allowed.shape[-2]:
            return torch.ones((), dtype=torch.bool, device=allowed.device)
        # A key that no query may attend to is padding, and so is the query at its place.
        return allowed.any(dim=-2)[..., None]

    @property
    def density(self) -> float:
        """Kept over allowed, pooled over layers, heads and calls."""
        return ratio(self.kept, self.allowed)
