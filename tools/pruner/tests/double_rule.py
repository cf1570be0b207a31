"""The pruning rule again, in double precision and numpy, written from its formula alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]


def unit_rows(x: Doubles) -> tuple[Doubles, Doubles]:
    norms = np.sqrt((x * x).sum(axis=-1, keepdims=True))
    return np.divide(x, norms, out=np.zeros_like(x), where=norms > 0), norms


def scaled(x: Doubles, t: float, bits: int) -> Doubles:
    """x * m/t, before rounding."""
    return x * (2 ** (bits - 1) - 1) / t


def fake_quantise(x: Doubles, t: float, bits: int) -> Doubles:
    m = 2 ** (bits - 1) - 1
    return np.clip(np.rint(scaled(x, t, bits)), -m, m) * t / m


def probabilities(
    q: Doubles, k: Doubles, t_q: float, t_k: float, bits: int, scaling: float, allowed: NDArray[np.bool_]
) -> Doubles:
    """softmax over the allowed keys of fq(qh) fq(kh)^T ||q|| ||k|| scaling."""
    unit_q, norm_q = unit_rows(q)
    unit_k, norm_k = unit_rows(k)
    scores = fake_quantise(unit_q, t_q, bits) @ fake_quantise(unit_k, t_k, bits).swapaxes(-1, -2)
    scores = np.where(allowed, scores * norm_q * norm_k.swapaxes(-1, -2) * scaling, -np.inf)
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def near_boundary(x: Doubles, t: float, bits: int, distance: float = 1e-5) -> NDArray[np.bool_]:
    """Rows [..., d] -> [...] with an element within `distance` of a point where rounding changes."""
    unit, _ = unit_rows(x)
    position = np.abs(scaled(unit, t, bits))
    return (np.abs(position - np.floor(position) - 0.5) < distance).any(axis=-1)
