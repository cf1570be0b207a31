"""What `attach` is told: policy, threshold, bits, and what happens to rows that keep nothing."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .errors import InputError, expect

BITS = (2, 4, 6, 8)
EMPTY_ROW_POLICIES = ("dense", "zero", "top1")
POLICY_FORMS = "sanger, learned, dense, topk:K or static:NAME"


@dataclass(frozen=True)
class PrunerConfig:
    """How attention is pruned.

    policy     `sanger`: predicted probability above the threshold; `learned`: the same with a threshold per head
               that training moves; `topk:K`: the K largest predicted scores; `static:NAME`: a fixed pattern of
               `static_patterns`; `dense`: nothing is pruned.
    threshold  0 <= threshold < 1, the start value for `learned`. The published values are 2e-2 and 2e-3.
    bits       of the prediction: 2, 4, 6 or 8.
    empty_row  `dense`, `zero` or `top1` for rows of which nothing is kept.
    static     parameters that replace the pattern's defaults, e.g. {"block": 32}.
    seed       of the random patterns.
    """

    policy: str = "sanger"
    threshold: float = 2e-3
    bits: int = 4
    empty_row: str = "dense"
    static: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0

    def __post_init__(self) -> None:
        expect(
            re.fullmatch(r"sanger|learned|dense|topk:[1-9][0-9]*|static:[A-Za-z0-9_]+", self.policy) is not None,
            "policy",
            POLICY_FORMS,
            repr(self.policy),
        )
        expect(0 <= self.threshold < 1, "threshold", "a number in [0, 1)", self.threshold)
        expect(self.bits in BITS, "bits", "2, 4, 6 or 8", self.bits)
        expect(self.empty_row in EMPTY_ROW_POLICIES, "empty_row", "dense, zero or top1", repr(self.empty_row))
        if self.policy == "learned":
            expect(self.threshold > 0, "threshold", "a number above 0 to start learning from", self.threshold)
        if not self.predicts and self.empty_row == "top1":
            raise InputError(f"empty_row: expected dense or zero with policy {self.policy}, found 'top1'")

    @property
    def predicts(self) -> bool:
        """Whether the policy looks at predicted scores and so needs calibrated quantisers."""
        return self.policy in ("sanger", "learned") or self.policy.startswith("topk:")

    @property
    def thresholded(self) -> bool:
        """Whether the policy compares predicted probabilities with a threshold."""
        return self.policy in ("sanger", "learned")

    @property
    def topk(self) -> int | None:
        """K of `topk:K`."""
        return int(self.policy[5:]) if self.policy.startswith("topk:") else None

    @property
    def static_name(self) -> str | None:
        """NAME of `static:NAME`."""
        return self.policy[7:] if self.policy.startswith("static:") else None

    @property
    def trace_policy(self) -> str:
        """The policy as a trace names it: `dense` is `static:dense` there."""
        return "static:dense" if self.policy == "dense" else self.policy

    def to_dict(self) -> dict[str, Any]:
        """As JSON stores it, in a model's config.json for instance."""
        return {**dataclasses.asdict(self), "static": dict(self.static)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> PrunerConfig:
        """The inverse of to_dict; unknown fields are refused."""
        known = {f.name for f in dataclasses.fields(cls)}
        unknown = sorted(set(values) - known)
        expect(not unknown, "pruner configuration", f"fields among {', '.join(sorted(known))}", unknown)
        return cls(**values)
