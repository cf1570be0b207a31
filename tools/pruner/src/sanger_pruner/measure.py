"""Density, load balance and quality of masks: the published figures, the corrected ones, and per-head detail.

A mask row is cut into vectors of 64 keys. n is a vector's number of kept keys, P the number of PEs that share it
(16 is the published "25%", 32 the "50%"). Over the vectors of one layer call:

    U = sum n/P        S = sum ceil(n/P)
    skip               U / S                               empty vectors cost nothing
    no-skip            U / (S + number of empty vectors)   they cost one pass each
    published no-skip  U / (S + number of non-empty vectors), a slip that is kept in the published file only

Published figures count every pair of valid query and valid key as a position, a causal layer's future included, and
average density over sequences. Corrected ones count the positions that a query may attend to, pooled.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from tqdm import tqdm

from .attachment import observing, states
from .attention import repeat_heads
from .config import PrunerConfig
from .export import Collector, forward
from .load import Batch
from .rule import apply_empty_row, masked_softmax, topk_keep
from .state import LayerCall
from .trace import LayerInfo, Sequences, Trace, allowed_positions

VECTOR = 64
SHARES = {"50%": 32, "25%": 16}
PUBLISHED_COLUMNS = ("50%-no-skip", "50%-skip", "25%-no-skip", "25%-skip", "overall-sparsity")
CORRECTED_COLUMNS = ("50%-no-skip", "50%-skip", "25%-no-skip", "25%-skip", "density", "sparsity")
NAME_COLUMNS = ("layer", "batch", "length")


@dataclass(frozen=True)
class MaskedLayer:
    """One layer call reduced to what is counted.

    keep bool [B,H,L,M]; allowed bool [B,1 or H,L,M]; valid_q bool [B,L]; valid bool [B,M]; exact bool [B,H,L,M], the
    mask that exact scores give under the same policy, or None.
    """

    layer_id: str
    keep: Tensor
    allowed: Tensor
    valid_q: Tensor
    valid: Tensor
    exact: Tensor | None

    @property
    def length(self) -> int:
        return self.keep.shape[-2]


def vector_sums(bits: Tensor) -> Tensor:
    """bool [..., M] -> number of ones in each run of 64: [..., ceil(M/64)]. The last run may be shorter."""
    short = -bits.shape[-1] % VECTOR
    padded = nn.functional.pad(bits, (0, short))
    return padded.reshape(*bits.shape[:-1], -1, VECTOR).sum(dim=-1)


@dataclass
class Counts:
    """Integer sums per head, from which every figure follows; calls add up. Each is int64 [H]."""

    kept: Tensor
    allowed: Tensor
    nonempty: Tensor
    empty: Tensor
    passes: dict[int, Tensor]
    agreed: Tensor
    wanted: Tensor

    PLAIN: ClassVar = ("kept", "allowed", "nonempty", "empty", "agreed", "wanted")

    def __add__(self, other: Counts) -> Counts:
        passes = {p: self.passes[p] + other.passes[p] for p in self.passes}
        sums = {name: getattr(self, name) + getattr(other, name) for name in Counts.PLAIN}
        return Counts(passes=passes, **sums)

    def pooled(self) -> Counts:
        """All heads as one: tensors of shape [1]."""
        sums = {name: getattr(self, name).sum(0, keepdim=True) for name in Counts.PLAIN}
        return Counts(passes={p: n.sum(0, keepdim=True) for p, n in self.passes.items()}, **sums)


def count(layer: MaskedLayer) -> Counts:
    """Counts of one call, over real queries and the positions they may attend to."""
    real = layer.allowed & layer.valid_q[:, None, :, None]
    keep = layer.keep & real
    n = vector_sums(keep)
    present = (vector_sums(real) > 0).expand_as(n)
    over = (0, 2, 3)
    agreed = wanted = torch.zeros(keep.shape[1], dtype=torch.int64)
    if layer.exact is not None:
        exact = layer.exact & real
        agreed, wanted = (exact & keep).sum(over), exact.sum(over)
    return Counts(
        kept=keep.sum(over),
        allowed=real.expand_as(keep).sum(over),
        nonempty=(n > 0).sum(over),
        empty=(present & (n == 0)).sum(over),
        passes={p: (n + p - 1).div(p, rounding_mode="floor").sum(over) for p in SHARES.values()},
        agreed=agreed,
        wanted=wanted,
    )


def ratio(numerator: float, denominator: float) -> float:
    """0 where there is nothing to divide by: a mask without ones uses nothing."""
    return numerator / denominator if denominator else 0.0


def utilisation(counts: Counts, head: int, pes: int, skip: bool) -> float:
    """Share of PE slots that hold a kept key; without skipping an empty vector costs a pass."""
    passes = int(counts.passes[pes][head]) + (0 if skip else int(counts.empty[head]))
    return ratio(int(counts.kept[head]) / pes, passes)


def corrected_row(counts: Counts) -> dict[str, float]:
    """The corrected figures of one or more layer calls, by column name."""
    pooled = counts.pooled()
    row = {}
    for name, pes in SHARES.items():
        row[f"{name}-no-skip"] = utilisation(pooled, 0, pes, skip=False)
        row[f"{name}-skip"] = utilisation(pooled, 0, pes, skip=True)
    row["density"] = ratio(int(pooled.kept), int(pooled.allowed))
    row["sparsity"] = 1 - row["density"]
    return row


def published_row(layer: MaskedLayer) -> dict[str, float]:
    """The published figures of one layer call, slips included, by column name."""
    pairs = layer.valid_q[:, None, :, None] & layer.valid[:, None, None, :]
    keep = layer.keep & pairs
    n = vector_sums(keep)
    row = {}
    for name, pes in SHARES.items():
        used = int(n.sum()) / pes
        passes = int((n + pes - 1).div(pes, rounding_mode="floor").sum())
        row[f"{name}-no-skip"] = ratio(used, passes + int((n > 0).sum()))
        row[f"{name}-skip"] = ratio(used, passes)
    share = keep.sum((1, 2, 3)) / pairs.expand_as(keep).sum((1, 2, 3)).clamp_min(1)
    row["overall-sparsity"] = float(share.double().mean())
    return row


def correct_published(row: dict[str, float]) -> dict[str, float]:
    """The corrected columns of a published row, which determines them for sequences without padding.

    Per vector, u = 64 density / P is its share of U, s = u / skip its passes, and e = u / no_skip - s the share of
    non-empty vectors that the published no-skip added where it meant the empty ones.
    """
    density = row["overall-sparsity"]
    fixed = {"density": density, "sparsity": 1 - density}
    for name, pes in SHARES.items():
        used = VECTOR * density / pes
        passes = ratio(used, row[f"{name}-skip"])
        nonempty = ratio(used, row[f"{name}-no-skip"]) - passes
        fixed[f"{name}-skip"] = row[f"{name}-skip"]
        fixed[f"{name}-no-skip"] = ratio(used, passes + 1 - nonempty)
    return {column: fixed[column] for column in CORRECTED_COLUMNS}


def exact_mask(q: Tensor, k: Tensor, allowed: Tensor, scaling: float, config: PrunerConfig, limit: Tensor) -> Tensor:
    """The mask that the policy would choose from exact scores: bool [B,H,L,M].

    A static pattern is held against the threshold of its configuration: recall then says how much of the attention
    that matters it covers.
    """
    scores = (q.float() @ repeat_heads(k, q.shape[1]).float().transpose(-1, -2)) * scaling
    probabilities = masked_softmax(scores, allowed)
    if config.topk is not None:
        keep = topk_keep(scores, config.topk)
    else:
        keep = probabilities > limit.to(probabilities.dtype)[:, None, None]
    return apply_empty_row(keep, scores, allowed, config.empty_row)


def masked_layer(layer_id: str, call: LayerCall, batch: Batch) -> MaskedLayer:
    """What is counted of a layer call that an observer saw."""
    b, heads, queries, _ = call.q.shape
    keys = call.k.shape[2]
    full = (b, heads, queries, keys)
    device = call.q.device
    allowed = torch.ones(1, 1, queries, keys, dtype=torch.bool, device=device) if call.allowed is None else call.allowed
    allowed = allowed.expand(b, -1, queries, keys)
    valid = allowed.any(dim=1).any(dim=1)
    valid_q = torch.ones(b, queries, dtype=torch.bool)
    if call.state.layer_id.endswith("-cross"):
        valid_q = batch.get("decoder_attention_mask", valid_q).bool()
    elif queries == keys:
        valid_q = valid
    keep = torch.ones(full, dtype=torch.bool) if call.keep is None else call.keep.expand(full)
    exact = None
    if call.state.config.policy != "dense" and not call.biased:
        exact = exact_mask(call.q, call.k, allowed, call.scaling, call.state.config, call.state.thresholds()).cpu()
    return MaskedLayer(layer_id, keep.cpu(), allowed.cpu(), valid_q.cpu(), valid.cpu(), exact)


@dataclass
class Measurement:
    """Rows per layer call, and counts per layer over all calls."""

    published: list[dict[str, Any]] = field(default_factory=list)
    corrected: list[dict[str, Any]] = field(default_factory=list)
    counts: dict[str, Counts] = field(default_factory=dict)
    compared: dict[str, bool] = field(default_factory=lambda: defaultdict(bool))

    def add(self, layer: MaskedLayer, batch: int) -> None:
        counts = count(layer)
        names = dict(zip(NAME_COLUMNS, (layer.layer_id, batch, layer.length), strict=True))
        self.published.append({**published_row(layer), **names})
        self.corrected.append({**names, **corrected_row(counts)})
        before = self.counts.get(layer.layer_id)
        self.counts[layer.layer_id] = counts if before is None else before + counts
        self.compared[layer.layer_id] |= layer.exact is not None

    def report(self) -> dict[str, Any]:
        """Per-layer and per-head figures and their total, as JSON stores them."""
        layers = []
        for layer_id, counts in self.counts.items():
            compared = self.compared[layer_id]
            heads = [{"head": h, **head_figures(counts, h, compared)} for h in range(len(counts.kept))]
            layers.append({"layer": layer_id, **head_figures(counts.pooled(), 0, compared), "heads": heads})
        pooled = [counts.pooled() for counts in self.counts.values()]
        total = sum(pooled[1:], start=pooled[0])
        return {"layers": layers, "total": head_figures(total, 0, any(self.compared.values()))}


def head_figures(counts: Counts, head: int, compared: bool) -> dict[str, Any]:
    """Figures of one head. Recall: kept share of what exact scores keep; precision: the other way round."""
    kept, allowed = int(counts.kept[head]), int(counts.allowed[head])
    figures: dict[str, Any] = {
        "kept": kept,
        "allowed": allowed,
        "density": ratio(kept, allowed),
        "utilisation": {
            str(pes): {
                "skip": utilisation(counts, head, pes, skip=True),
                "no_skip": utilisation(counts, head, pes, skip=False),
            }
            for pes in SHARES.values()
        },
    }
    if compared:
        agreed = int(counts.agreed[head])
        figures["recall"] = ratio(agreed, int(counts.wanted[head]))
        figures["precision"] = ratio(agreed, kept)
    return figures


def measure_model(model: nn.Module, batches: Iterable[Batch], progress: bool = False) -> Measurement:
    """Run an attached model in eval mode and measure every layer call; `progress` shows a bar."""
    states(model)
    result, collector = Measurement(), Collector()
    was_training = model.training
    model.eval()
    try:
        with torch.inference_mode(), observing(model, collector):
            for index, batch in enumerate(tqdm(batches, "measuring", unit="batch", disable=not progress)):
                forward(model, batch)
                for layer_id, call in collector.take():
                    result.add(masked_layer(layer_id, call, batch), index)
    finally:
        model.train(was_training)
    return result


def _policy_of(info: LayerInfo) -> PrunerConfig:
    limit = info.threshold if isinstance(info.threshold, float) else 2e-3
    policy = info.policy or "dense"
    return PrunerConfig(policy, threshold=limit, bits=info.bits or 4, empty_row=info.empty_row or "dense")


def trace_layer(info: LayerInfo, data: Sequences) -> MaskedLayer:
    """What is counted of one layer and sequence of a trace with masks."""
    allowed = torch.from_numpy(allowed_positions(info, data))
    config = _policy_of(info)
    exact = None
    if config.policy != "static:dense":
        limit = torch.as_tensor(info.threshold if info.threshold is not None else config.threshold)
        q, k = (torch.from_numpy(x.astype("f4")) for x in (data.q, data.k))
        exact = exact_mask(q, k, allowed, info.scaling, config, limit.expand(info.heads))
    keep, valid_q, valid = (torch.from_numpy(x) for x in (data.mask, data.valid_q, data.valid))
    return MaskedLayer(info.layer_id, keep, allowed, valid_q, valid, exact)


def trace_layers(trace: Trace) -> Iterator[tuple[int, MaskedLayer]]:
    """Sequence index and layer, in the order in which a network would run them."""
    for sequence in range(trace.sequences):
        for layer_id, info in trace.layers.items():
            if info.policy is not None and sequence < trace.count(layer_id):
                yield sequence, trace_layer(info, trace.read(layer_id, sequence))


def measure_trace(trace: Trace) -> Measurement:
    """Measure the masks of a trace; layers without any are left out."""
    result = Measurement()
    for sequence, layer in trace_layers(trace):
        result.add(layer, sequence)
    return result
