"""Training with learned thresholds: what density costs, so that a loss can weigh it against accuracy.

    with density_penalty(model) as penalty:
        loss = model(**batch, labels=labels).loss
    (loss + 0.1 * penalty.mean()).backward()

The gradient of the task reaches thresholds through the soft gate in `attention.gated_softmax`; alone it only ever
asks for more keys. The penalty is the mean of the same gate over allowed positions, a smooth count of what is kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from .attachment import observing, states
from .attention import repeat_heads, soft_gate
from .errors import expect
from .state import LayerCall


@dataclass
class DensityPenalty:
    """Soft densities of the layer calls seen so far."""

    terms: list[Tensor] = field(default_factory=list)

    def add(self, call: LayerCall) -> None:
        keys = repeat_heads(call.k, call.q.shape[1])
        with torch.no_grad():
            probabilities = call.state.predict(
                call.q, keys, call.allowed, None, call.scaling, track=False
            ).probabilities
        assert probabilities is not None
        gate = soft_gate(probabilities, call.state)
        allowed = torch.ones_like(gate) if call.allowed is None else call.allowed.expand_as(gate).to(gate.dtype)
        self.terms.append((gate * allowed).sum() / allowed.sum())

    def mean(self) -> Tensor:
        """Mean over layer calls, a scalar in (0, 1) with a gradient to the thresholds."""
        return torch.stack(self.terms).mean()


@contextmanager
def density_penalty(model: nn.Module) -> Iterator[DensityPenalty]:
    """Collect the penalty of the model calls inside. InputError unless the policy is `learned`."""
    config = next(iter(states(model).values())).config
    expect(config.policy == "learned", "policy", "learned", config.policy)
    penalty = DensityPenalty()
    with observing(model, penalty.add):
        yield penalty
