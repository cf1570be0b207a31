"""Running a model over a prepared task: metrics, and the density that it kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader
from tqdm import tqdm

from .attachment import calibrating, observing, states
from .density import DensityMeter
from .export import is_calibrated
from .load import parameter_device
from .tasks import Prepared, Task
from .tasks.base import Batch, Output, model_inputs


def batches(
    task: Task, prepared: Prepared, tokenizer: Any, length: int, batch_size: int, device: torch.device
) -> Iterator[Batch]:
    """Every feature in order, as batches on the device."""

    def collate(rows: list[dict[str, Any]]) -> Batch:
        return task.collate(rows, tokenizer, length)

    for batch in DataLoader(prepared.inputs, batch_size=batch_size, collate_fn=collate):
        yield {name: value.to(device) for name, value in batch.items()}


def evaluate(
    model: nn.Module,
    task: Task,
    prepared: Prepared,
    tokenizer: Any,
    length: int,
    batch_size: int,
    progress: bool = False,
) -> tuple[dict[str, float], list[Output]]:
    """The task's metrics with `loss` (mean over batches) and `density`, and the outputs of every feature.

    The model must be attached; quantisers without a range are calibrated on the same data first.
    """
    device, was_training = parameter_device(model), model.training
    model.eval()

    def source() -> Iterator[Batch]:
        return batches(task, prepared, tokenizer, length, batch_size, device)

    try:
        _calibrate(model, task, source())
        losses, outputs, meter = [], [], DensityMeter({})
        with torch.inference_mode(), observing(model, meter):
            for batch in tqdm(source(), "evaluating", unit="batch", disable=not progress):
                meter.batch = model_inputs(model, batch)
                loss, found = task.run(model, batch)
                losses.append(float(loss))
                outputs += list(zip(*(x.float().cpu().numpy() for x in found), strict=True))
    finally:
        model.train(was_training)
    figures = {"loss": sum(losses) / len(losses), "density": meter.density}
    return {**task.score(prepared, outputs), **figures}, outputs


def _calibrate(model: nn.Module, task: Task, source: Iterator[Batch]) -> None:
    if not next(iter(states(model).values())).config.predicts or is_calibrated(model):
        return
    with torch.inference_mode(), calibrating(model):
        for batch in source:
            task.run(model, batch)
