"""The pruning rule of the paper (section 3), in tensors.

    qh = Q / ||Q||, kh = K / ||K||                                  rows
    fq(x, t) = clamp(round_half_even(x * m/t), -m, m) / (m/t)       m = 2^(bits-1) - 1
    Sp = fq(qh) fq(kh)^T * ||Q|| ||K|| * scaling                    scaling = 1/sqrt(d)
    Pp = softmax(Sp over the allowed keys), keep = Pp > threshold

Sp is evaluated as `(codes_q codes_k^T) * row_scale * column_scale`. The codes are small integers, so their
product is exact in float32 whatever order a BLAS library sums in: masks do not depend on thread counts or
batch shapes. It is also the form that the machine computes. Everything here runs in float32 and without
gradients; the callers hold `torch.no_grad`.

Shapes: B sequences, H heads, L queries, M keys, d head size. `allowed` is bool, broadcastable to [B,H,L,M],
or None where every key is allowed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


def level_count(bits: int) -> int:
    """m, the largest code: 1, 7, 31, 127 for 2, 4, 6, 8 bits."""
    return int(2 ** (bits - 1) - 1)


def row_norms(x: Tensor) -> Tensor:
    """||x|| of each row: [..., d] -> [..., 1], summed in float64 so that the order of summation leaves no trace."""
    norms: Tensor = torch.linalg.vector_norm(x, dim=-1, keepdim=True, dtype=torch.float64)
    return norms.to(x.dtype)


def normalise_rows(x: Tensor, norms: Tensor) -> Tensor:
    """Rows divided by their norms. A row of zeros stays zero, where the quotient would be 0/0."""
    return x / torch.where(norms > 0, norms, torch.ones_like(norms))


def quantise(x: Tensor, t: Tensor, bits: int) -> Tensor:
    """Integer codes in [-m, m], stored in x's floating-point type; torch.round is half to even."""
    m = level_count(bits)
    return (x * (m / t)).round_().clamp_(-m, m)


def fake_quantise(x: Tensor, t: Tensor, bits: int) -> Tensor:
    """fq(x, t): the value that a code stands for."""
    return quantise(x, t, bits) / (level_count(bits) / t)


@dataclass(frozen=True)
class Quantised:
    """One operand of the prediction: integer codes [..., d] and what each row of them is worth [..., 1]."""

    codes: Tensor
    scale: Tensor


def quantise_operand(x: Tensor, bits: int, range_of: Callable[[Tensor], Tensor]) -> Quantised:
    """Split rows into codes of `bits` bits and a scale `||x|| * t/m` each. x is float32 [..., d].

    `range_of` gets the normalised rows and returns t, a positive scalar tensor: a running maximum sees them
    before it answers.
    """
    norms = row_norms(x)
    unit = normalise_rows(x, norms)
    t = range_of(unit)
    return Quantised(quantise(unit, t, bits), norms * (t / level_count(bits)))


def predicted_scores(q: Quantised, k: Quantised, scaling: float) -> Tensor:
    """Sp: float32 [B,H,L,M]."""
    scores = q.codes @ k.codes.transpose(-1, -2)
    scores *= q.scale * scaling
    scores *= k.scale.transpose(-1, -2)
    return scores


def masked_softmax(scores: Tensor, allowed: Tensor | None) -> Tensor:
    """Softmax over the allowed keys; overwrites `scores`. A row without any is uniform, never NaN."""
    if allowed is not None:
        scores = scores.masked_fill_(~allowed, torch.finfo(scores.dtype).min)
    return torch.softmax(scores, dim=-1)


def top_key(scores: Tensor) -> Tensor:
    """One-hot bool [..., M] of each row's largest score, the lowest index among equals."""
    best = scores.amax(dim=-1, keepdim=True)
    # argmax promises no index among equal maxima, the first True of a comparison does.
    first = (scores == best).to(torch.uint8).argmax(dim=-1, keepdim=True)
    return torch.zeros_like(scores, dtype=torch.bool).scatter_(-1, first, True)


def apply_empty_row(keep: Tensor, scores: Tensor | None, allowed: Tensor | None, policy: str) -> Tensor:
    """The mask with the policy for rows that keep nothing, and without keys that are not allowed.

    `dense` keeps every allowed key, `top1` the one with the largest predicted score (needs `scores`, with keys
    that are not allowed at their minimum), `zero` none. Overwrites `keep`.
    """
    if allowed is not None:
        keep &= allowed
    if policy == "zero":
        return keep
    empty = ~keep.any(dim=-1, keepdim=True)
    if policy == "dense":
        keep |= empty
    elif scores is not None and bool(empty.any()):
        keep |= empty & top_key(scores)
    if allowed is not None:
        keep &= allowed
    return keep


def topk_keep(scores: Tensor, count: int) -> Tensor:
    """The `count` largest scores of each row, the lower index among equals; all of a shorter row."""
    order = torch.sort(scores, dim=-1, descending=True, stable=True).indices[..., :count]
    return torch.zeros_like(scores, dtype=torch.bool).scatter_(-1, order, True)
