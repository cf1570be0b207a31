"""Running a model and writing what its attention layers saw and kept as a trace."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from tqdm import tqdm

from .attachment import calibrating, observing, states
from .errors import InputError
from .load import Batch, parameter_device
from .state import LayerCall
from .trace import LayerInfo, Sequences, TraceWriter

STORAGE = {"F16": torch.float16, "F32": torch.float32}
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Positions:
    """What a layer may attend to: valid keys bool [B,M], and whether the future is masked."""

    valid: Bools
    causal: bool


@dataclass
class Collector:
    """Observer that keeps one batch's layer calls, in order."""

    calls: list[LayerCall] = field(default_factory=list)

    def __call__(self, call: LayerCall) -> None:
        self.calls.append(call)

    def take(self) -> list[tuple[str, LayerCall]]:
        """The calls since the last time, with ids. A layer that ran more than once, like one that shares its weights
        over the depth of a network, makes ids count calls."""
        calls, self.calls = self.calls, []
        ids = [call.state.layer_id for call in calls]
        if max(Counter(ids).values(), default=0) > 1:
            if any("-" in layer_id for layer_id in ids):
                raise InputError("model: expected each layer of two stacks to run once per batch, found repeats")
            ids = [str(i) for i in range(len(calls))]
        return list(zip(ids, calls, strict=True))


def count_sequences(batches: Iterable[Batch]) -> int:
    """Sequences in a source of batches, by a pass over it."""
    return sum(len(next(iter(batch.values()))) for batch in batches)


def find_positions(call: LayerCall) -> Positions:
    """Valid keys and causality, read off the mask that the layer was given.

    InputError for patterns that a trace cannot say, such as sliding windows and masks per head.
    """
    b, queries, keys = call.q.shape[0], call.q.shape[2], call.k.shape[2]
    if call.allowed is None:
        return Positions(np.ones((b, keys), bool), False)
    given = call.allowed.expand(b, -1, queries, keys).cpu().numpy()
    valid: Bools = np.any(given, axis=(1, 2))
    for causal in (False, True):
        wanted = valid[:, None, None, :]
        if causal:
            wanted = wanted & np.tri(queries, keys, dtype=bool)
        if (queries == keys or not causal) and (given == wanted).all():
            return Positions(valid, causal)
    raise InputError(
        f"layer {call.state.layer_id}: attention mask: expected padding and causality only, found another pattern"
    )


def layer_info(layer_id: str, call: LayerCall, causal: bool, masks: bool) -> LayerInfo:
    """The trace's description of a layer, from one call of it."""
    if call.biased:
        raise InputError(f"layer {layer_id}: scores: expected no additive bias, which a trace cannot hold, found one")
    state = call.state
    _, heads, queries, size = call.q.shape
    shape = (layer_id, heads, call.k.shape[1], queries, call.k.shape[2], size, causal, float(call.scaling))
    if not masks:
        return LayerInfo(*shape)
    config = state.config
    info: dict[str, Any] = {"policy": config.trace_policy, "empty_row": config.empty_row}
    if config.predicts:
        info |= {"bits": config.bits, "quant_q": float(state.quant_q), "quant_k": float(state.quant_k)}
    if config.thresholded:
        limits = state.thresholds().tolist()
        info["threshold"] = limits[0] if len(set(limits)) == 1 else limits
    return LayerInfo(*shape, **info)


def _array(x: torch.Tensor, storage: torch.dtype) -> NDArray[Any]:
    array: NDArray[Any] = x.detach().to(storage).cpu().numpy()
    return array


def layer_data(call: LayerCall, positions: Positions, batch: Batch, storage: torch.dtype, masks: bool) -> Sequences:
    """The arrays of one call as a trace stores them."""
    b, heads, queries, _ = call.q.shape
    keys = call.k.shape[2]
    mask = None
    if masks:
        full = (b, heads, queries, keys)
        mask = np.ones(full, bool) if call.keep is None else call.keep.expand(full).cpu().numpy()
    if call.state.layer_id.endswith("-cross"):
        given = batch.get("decoder_attention_mask")
        valid_q = np.ones((b, queries), bool) if given is None else given.bool().cpu().numpy()
    else:
        valid_q = positions.valid if queries == keys else np.ones((b, queries), bool)
    q, k, v = (_array(x, storage) for x in (call.q, call.k, call.v))
    return Sequences(q, k, v, mask, positions.valid, valid_q)


@dataclass(frozen=True)
class Exporter:
    """Settings of one export; `export_trace` is the short way."""

    model: nn.Module
    path: Path
    dtype: str
    masks: bool
    model_name: str
    source: str

    def run(self, batches: Iterable[Batch], calibrate: bool, progress: bool) -> list[LayerInfo]:
        total = count_sequences(batches)
        if total == 0:
            raise InputError(f"{self.source}: expected at least one sequence, found none")
        was_training = self.model.training
        self.model.eval()
        try:
            with torch.inference_mode(), tqdm(total=total, unit="seq", disable=not progress) as bar:
                return self._stream(batches, total, calibrate, bar)
        finally:
            self.model.train(was_training)

    def _stream(self, batches: Iterable[Batch], total: int, calibrate: bool, bar: Any) -> list[LayerInfo]:
        collector = Collector()
        single = total == len(next(iter(next(iter(batches)).values())))
        with ExitStack() as stack:
            stack.enter_context(observing(self.model, collector, STORAGE[self.dtype]))
            if calibrate and not single:
                self._calibrate(batches, collector, bar)
            elif calibrate:
                # A lone batch sets each range before it is quantised, so that one pass does both.
                stack.enter_context(calibrating(self.model))
            writer: TraceWriter | None = None
            for batch in batches:
                items = list(self._run(batch, collector))
                if writer is None:
                    infos = [info for info, _ in items]
                    writer = self._writer(infos, total)
                    stack.enter_context(writer)
                self._write(writer, items)
                bar.update(len(items[0][1].q))
        assert writer is not None
        return writer.layers

    def _calibrate(self, batches: Iterable[Batch], collector: Collector, bar: Any) -> None:
        bar.set_description("calibrating")
        with calibrating(self.model):
            for batch in batches:
                forward(self.model, batch)
                collector.calls.clear()
                bar.update(len(next(iter(batch.values()))))
        bar.reset()
        bar.set_description("exporting")

    def _run(self, batch: Batch, collector: Collector) -> Iterator[tuple[LayerInfo, Sequences]]:
        forward(self.model, batch)
        known: dict[tuple[int, torch.Size, torch.Size], Positions] = {}
        for layer_id, call in collector.take():
            # All layers of a stack share one mask object.
            key = (id(call.allowed), call.q.shape, call.k.shape)
            if key not in known:
                known[key] = find_positions(call)
            positions = known[key]
            info = layer_info(layer_id, call, positions.causal, self.masks)
            yield info, layer_data(call, positions, batch, STORAGE[self.dtype], self.masks)

    def _writer(self, infos: list[LayerInfo], total: int) -> TraceWriter:
        return TraceWriter(self.path, infos, total, self.dtype, self.model_name, self.source)

    def _write(self, writer: TraceWriter, items: list[tuple[LayerInfo, Sequences]]) -> None:
        for (info, data), planned in zip(items, writer.layers, strict=True):
            if info != planned:
                raise InputError(f"layer {info.layer_id}: expected {planned} in every batch, found {info}")
            writer.write(info.layer_id, data)


def forward(model: nn.Module, batch: Batch) -> Any:
    """The model's output on a batch, moved to where the model is."""
    device = parameter_device(model)
    return model(**{name: value.to(device) for name, value in batch.items()})


def is_calibrated(model: nn.Module) -> bool:
    """Whether every quantiser has a range."""
    return all(float(s.quant_q) > 0 and float(s.quant_k) > 0 for s in states(model).values())


def export_trace(
    model: nn.Module,
    batches: Iterable[Batch],
    path: str | Path,
    *,
    dtype: str = "F16",
    masks: bool = True,
    model_name: str = "",
    source: str = "",
    calibrate: bool | None = None,
    progress: bool | None = None,
) -> list[LayerInfo]:
    """Run an attached model on batches and write one trace of all layers, heads and sequences.

    The model runs on q, k and v as the trace stores them, so the masks can be made again from the file alone.
    `batches` is read more than once (counted, calibrated on, exported). `calibrate` None: only if the policy predicts
    and a quantiser has no range yet. Returns the layers as written. Raises InputError for anything that a trace
    cannot hold; the file then does not appear.
    """
    if dtype not in STORAGE:
        raise InputError(f"dtype: expected F16 or F32, found {dtype}")
    predicts = next(iter(states(model).values())).config.predicts
    if calibrate is None:
        calibrate = predicts and not is_calibrated(model)
    if progress is None:
        progress = sys.stderr.isatty()
    exporter = Exporter(model, Path(path), dtype, masks, model_name or type(model).__name__, source or "unnamed")
    return exporter.run(batches, calibrate and predicts, progress)
