"""Thresholds for a target density, and sweeps of threshold against density and accuracy.

One run of the model fills, per head, a histogram of predicted probabilities and one of row maxima. Together they give
the density that any threshold would leave, rows that keep nothing included. Pruning a layer changes what later layers
see, so thresholds are set and the model is run again until densities settle.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from .attachment import observing, overriding, set_thresholds, states
from .attention import repeat_heads
from .config import PrunerConfig
from .errors import InputError, expect
from .export import Collector, forward, is_calibrated
from .load import Batch
from .measure import MaskedLayer, count, masked_layer
from .state import LayerCall

BINS_PER_OCTAVE = 128
OCTAVES = 40
BINS = BINS_PER_OCTAVE * OCTAVES
SCOPES = ("global", "layer", "head")


def bin_edge(index: Tensor | int) -> float:
    """The probability at the lower edge of a bin: 2^-40 at 0, 1 at BINS."""
    return float(2.0 ** (float(index) / BINS_PER_OCTAVE - OCTAVES))


def bin_index(probabilities: Tensor) -> Tensor:
    """The bin of each probability; those below 2^-40 share the first."""
    octaves = probabilities.double().clamp_min(2.0**-OCTAVES).log2() + OCTAVES
    return (octaves * BINS_PER_OCTAVE).long().clamp(0, BINS - 1)


@dataclass
class Histogram:
    """Per head [H, BINS]: positions by predicted probability, and what a row adds once its maximum is not kept."""

    positions: Tensor
    fallback: Tensor
    allowed: Tensor

    @classmethod
    def empty(cls, heads: int) -> Histogram:
        positions, fallback = (torch.zeros(heads, BINS, dtype=torch.int64) for _ in range(2))
        return cls(positions, fallback, torch.zeros(heads, dtype=torch.int64))

    def add(self, probabilities: Tensor, layer: MaskedLayer, empty_row: str) -> None:
        """Count one call: probabilities float32 [B,H,L,M]."""
        real = (layer.allowed & layer.valid_q[:, None, :, None]).expand_as(probabilities)
        room = real.sum(dim=-1)
        gain = {"dense": room, "top1": room.clamp_max(1), "zero": torch.zeros_like(room)}[empty_row]
        peak = bin_index(probabilities.masked_fill(~real, 0).amax(dim=-1))
        bins = bin_index(probabilities)
        for head in range(probabilities.shape[1]):
            self.positions[head] += torch.bincount(bins[:, head][real[:, head]], minlength=BINS)
            row_bins, row_gain = peak[:, head].flatten(), gain[:, head].flatten()
            self.fallback[head].index_add_(0, row_bins, row_gain)
            self.allowed[head] += real[:, head].sum()

    def densities(self, heads: slice | Tensor) -> Tensor:
        """Density of the given heads, pooled, for a threshold at each bin's lower edge: float64 [BINS]."""
        kept = self.positions[heads].sum(0).flip(0).cumsum(0).flip(0)
        rows = self.fallback[heads].sum(0)
        added = rows.cumsum(0) - rows
        return (kept + added).double() / self.allowed[heads].sum().clamp_min(1)


def solve(densities: Tensor, target: float, where: str) -> float:
    """The threshold whose density is nearest to the target, on the falling part of the curve.

    Under `dense` the curve rises again where rows lose their last key. InputError names the least density there is.
    """
    least = int(densities.argmin())
    below = (densities[: least + 1] <= target).nonzero()
    if len(below) == 0:
        raise InputError(
            f"{where}: target density: expected at least {float(densities[least]):.4f}, "
            f"the least with this empty-row policy, found {target}"
        )
    index = int(below[0])
    if index > 0 and densities[index - 1] - target < target - densities[index]:
        index -= 1
    return bin_edge(index)


@dataclass
class Calibration:
    """Thresholds by layer id (a number, or one per head), the density that they were measured to leave, and how many
    runs it took."""

    thresholds: dict[str, float | list[float]]
    densities: dict[str, list[float]]
    density: float
    passes: int


@dataclass
class _Survey:
    histograms: dict[str, Histogram]
    kept: dict[str, Tensor]
    allowed: dict[str, Tensor]

    def density(self) -> float:
        return float(sum(int(k.sum()) for k in self.kept.values())) / sum(int(a.sum()) for a in self.allowed.values())

    def heads(self, layer_id: str) -> list[float]:
        shares: list[float] = (self.kept[layer_id].double() / self.allowed[layer_id].clamp_min(1)).tolist()
        return shares


def _probabilities(call: LayerCall) -> Tensor:
    keys = repeat_heads(call.k, call.q.shape[1])
    prediction = call.state.predict(call.q, keys, call.allowed, None, call.scaling)
    assert prediction.probabilities is not None
    return prediction.probabilities.cpu()


def _survey(model: nn.Module, batches: Iterable[Batch], progress: bool) -> _Survey:
    survey, collector = _Survey({}, {}, {}), Collector()
    with torch.inference_mode(), observing(model, collector):
        for batch in tqdm(batches, "calibrating", unit="batch", disable=not progress):
            forward(model, batch)
            for call in collector.calls:
                _add(survey, call, batch)
            collector.calls.clear()
    return survey


def _add(survey: _Survey, call: LayerCall, batch: Batch) -> None:
    if call.biased:
        raise InputError(f"layer {call.state.layer_id}: scores: expected no additive bias, found one")
    layer_id = call.state.layer_id
    layer = masked_layer(layer_id, call, batch)
    counts = count(layer)
    histogram = survey.histograms.setdefault(layer_id, Histogram.empty(call.state.heads))
    histogram.add(_probabilities(call), layer, call.state.config.empty_row)
    survey.kept[layer_id] = survey.kept.get(layer_id, torch.tensor(0)) + counts.kept
    survey.allowed[layer_id] = survey.allowed.get(layer_id, torch.tensor(0)) + counts.allowed


def _solve_all(survey: _Survey, target: float, scope: str) -> dict[str, float | list[float]]:
    everything = slice(None)
    if scope == "global":
        parts = list(survey.histograms.values())
        kept = Histogram(
            torch.stack([h.positions.sum(0) for h in parts]),
            torch.stack([h.fallback.sum(0) for h in parts]),
            torch.stack([h.allowed.sum() for h in parts]),
        )
        threshold = solve(kept.densities(everything), target, "model")
        return dict.fromkeys(survey.histograms, threshold)
    if scope == "layer":
        return {i: solve(h.densities(everything), target, f"layer {i}") for i, h in survey.histograms.items()}
    return {
        i: [solve(h.densities(slice(n, n + 1)), target, f"layer {i} head {n}") for n in range(len(h.allowed))]
        for i, h in survey.histograms.items()
    }


def _worst(survey: _Survey, target: float, scope: str) -> float:
    if scope == "global":
        return abs(survey.density() - target)
    if scope == "layer":
        layers = [int(survey.kept[i].sum()) / int(survey.allowed[i].sum()) for i in survey.kept]
        return max(abs(share - target) for share in layers)
    return max(abs(share - target) for i in survey.kept for share in survey.heads(i))


def calibrate_density(
    model: nn.Module,
    batches: Iterable[Batch],
    target: float,
    scope: str = "global",
    tolerance: float = 0.005,
    max_passes: int = 8,
    progress: bool = False,
) -> Calibration:
    """Set thresholds of an attached model so that it keeps `target` of the positions, in all (`global`), in each
    `layer`, or in each `head`. Ranges must be calibrated.

    Stops when the density is within `tolerance`, or after `max_passes` runs over `batches`. Raises InputError where
    the target is out of reach.
    """
    expect(0 < target < 1, "target density", "a number in (0, 1)", target)
    expect(scope in SCOPES, "scope", "global, layer or head", repr(scope))
    config = next(iter(states(model).values())).config
    expect(config.thresholded, "policy", "sanger or learned, which have thresholds", repr(config.policy))
    expect(is_calibrated(model), "quantisers", "calibrated ranges", "none")
    was_training = model.training
    model.eval()
    try:
        thresholds = _solve_all(_survey(model, batches, progress), target, scope)
        for passes in range(2, max_passes + 1):
            set_thresholds(model, thresholds)
            survey = _survey(model, batches, progress)
            if _worst(survey, target, scope) <= tolerance or passes == max_passes:
                break
            thresholds = _solve_all(survey, target, scope)
    finally:
        model.train(was_training)
    densities = {layer_id: survey.heads(layer_id) for layer_id in survey.kept}
    return Calibration(thresholds, densities, survey.density(), passes)


Score = Callable[[Any, Any, Batch], Mapping[str, tuple[float, float]]]
"""Pruned output, dense output, batch -> figure -> (sum, weight); figures are means over everything."""


def fidelity(pruned: Any, dense: Any, batch: Batch) -> dict[str, tuple[float, float]]:
    """How a pruned model differs from its dense self, for models without a task.

    With logits: `agreement`, the share of equal predictions; next-token models also get their cross-entropy on the
    text, pruned (`loss`) and dense (`dense_loss`). Without: `cosine` and `error` (||O' - O|| / ||O||) of the last
    hidden states. Padding is left out.
    """
    logits = getattr(pruned, "logits", None)
    values = (logits, dense.logits) if logits is not None else (pruned.last_hidden_state, dense.last_hidden_state)
    new, old = (x.flatten(0, -2) for x in values)
    mask = batch.get("attention_mask")
    if mask is not None and values[0].dim() == 3 and values[0].shape[1] == mask.shape[1]:
        new, old = new[mask.bool().flatten()], old[mask.bool().flatten()]
    rows = float(len(new))
    if logits is not None:
        return {"agreement": (float((new.argmax(-1) == old.argmax(-1)).sum()), rows), **_losses(logits, dense, batch)}
    cosine = nn.functional.cosine_similarity(new, old, dim=-1)
    error = (new - old).norm(dim=-1) / old.norm(dim=-1)
    return {"cosine": (float(cosine.sum()), rows), "error": (float(error.sum()), rows)}


def _losses(logits: Tensor, dense: Any, batch: Batch) -> dict[str, tuple[float, float]]:
    ids = batch.get("input_ids")
    if ids is None or "CausalLMOutput" not in type(dense).__name__:
        return {}
    targets = ids[:, 1:].masked_fill(batch["attention_mask"][:, 1:] == 0, -100)
    count_ = float((targets != -100).sum())
    result = {}
    for name, values in (("loss", logits), ("dense_loss", dense.logits)):
        loss = nn.functional.cross_entropy(values[:, :-1].flatten(0, 1), targets.flatten(), reduction="sum")
        result[name] = (float(loss), count_)
    return result


def sweep(
    model: nn.Module, batches: Iterable[Batch], thresholds: list[float], score: Score = fidelity, progress: bool = False
) -> list[dict[str, float]]:
    """Density and figures at each threshold, over the same batches: [{"threshold", "density", figures...}].

    Thresholds of the model are put back afterwards.
    """
    before = {layer_id: state.thresholds().tolist() for layer_id, state in states(model).items()}
    sums: list[dict[str, list[float]]] = [{} for _ in thresholds]
    was_training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            for batch in tqdm(batches, "sweeping", unit="batch", disable=not progress):
                with overriding(model, PrunerConfig("dense")):
                    dense = forward(model, batch)
                for threshold, row in zip(thresholds, sums, strict=True):
                    set_thresholds(model, threshold)
                    for name, (total, weight) in _one(model, batch, dense, score).items():
                        pair = row.setdefault(name, [0.0, 0.0])
                        pair[0], pair[1] = pair[0] + total, pair[1] + weight
    finally:
        set_thresholds(model, before)
        model.train(was_training)
    return [
        {"threshold": threshold, **{name: total / weight for name, (total, weight) in row.items()}}
        for threshold, row in zip(thresholds, sums, strict=True)
    ]


def _one(model: nn.Module, batch: Batch, dense: Any, score: Score) -> dict[str, tuple[float, float]]:
    collector = Collector()
    with observing(model, collector):
        pruned = forward(model, batch)
    pooled = [count(masked_layer(call.state.layer_id, call, batch)).pooled() for call in collector.calls]
    kept, allowed = sum(int(c.kept) for c in pooled), sum(int(c.allowed) for c in pooled)
    return {"density": (float(kept), float(allowed)), **score(pruned, dense, batch)}
