"""Training on a task with transformers' Trainer: checkpoints that resume, and a folder that eval and export load.

A checkpoint holds weights, quantiser ranges and thresholds (they are part of the model), optimiser, scheduler, state
of the random generators and step. Training that stops and resumes gives the same weights, bit for bit, as training
that does not.
"""

from __future__ import annotations

import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import Tensor, nn

from .attachment import states
from .errors import InputError, expect
from .files import read_json, write_json
from .tasks import Prepared, Task
from .thresholds import density_penalty

CHECKPOINTS = "checkpoints"
SETTINGS_FILE = "training.json"
STATE_FILE = "trainer_state.json"
"""The Trainer writes it last: a checkpoint without it is unfinished."""


@dataclass(frozen=True)
class Settings:
    """What decides the outcome of training. `steps` bounds optimiser steps, in place of `epochs`; the learning rate
    falls to 0 at the end of either. `density_weight` is what learned thresholds pay per unit of density."""

    length: int
    batch: int
    learning_rate: float
    epochs: float
    stride: int = 0
    accumulate: int = 1
    warmup_steps: int = 0
    weight_decay: float = 0.0
    steps: int | None = None
    density_weight: float = 0.1
    seed: int = 0
    bf16: bool = False


class PrunedTrainer(transformers.Trainer):  # type: ignore[misc]
    """A Trainer that asks the task for the loss, and charges learned thresholds for density."""

    def __init__(self, task: Task, density_weight: float, **options: Any) -> None:
        super().__init__(**options)
        self.task = task
        self.density_weight = density_weight
        self.learned = next(iter(states(self.model).values())).config.policy == "learned"

    def compute_loss(
        self, model: nn.Module, inputs: dict[str, Tensor], return_outputs: bool = False, **kwargs: Any
    ) -> Any:
        """The task's loss, a scalar; with its outputs on request."""
        if not self.learned:
            loss, outputs = self.task.run(model, inputs)
        else:
            with density_penalty(model) as penalty:
                loss, outputs = self.task.run(model, inputs)
            loss = loss + self.density_weight * penalty.mean()
        return (loss, outputs) if return_outputs else loss


class StopAfter(transformers.TrainerCallback):  # type: ignore[misc]
    """Ends training with a checkpoint once so many steps are done in all."""

    def __init__(self, steps: int) -> None:
        self.steps = steps

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step >= self.steps:
            control.should_save = control.should_training_stop = True


def last_checkpoint(folder: Path) -> Path | None:
    """The finished checkpoint with the most steps."""
    found = [p for p in (folder / CHECKPOINTS).glob("checkpoint-*") if (p / STATE_FILE).is_file()]
    return max(found, key=lambda path: int(path.name.rpartition("-")[2]), default=None)


def begin(folder: Path, about: dict[str, Any], resume: bool) -> Path | None:
    """Make or enter the folder. New training refuses one that holds training; resuming refuses other settings, and
    returns the checkpoint to go on from."""
    expect(not folder.exists() or folder.is_dir(), str(folder), "a folder", "a file")
    expect(folder.parent.is_dir(), str(folder), "a folder in an existing folder", f"no {folder.parent}")
    record = folder / SETTINGS_FILE
    if not resume:
        expect(not record.exists(), str(folder), "a new folder, or --resume", "one that holds training")
        folder.mkdir(exist_ok=True)
        write_json(record, about)
        return None
    before = read_json(record)
    for name, value in about.items():
        expect(before.get(name) == value, f"{record}: {name}", repr(before.get(name)), repr(value))
    checkpoint = last_checkpoint(folder)
    expect(checkpoint is not None, str(folder), "a finished checkpoint to resume from", "none")
    return checkpoint


def train(
    model: Any,
    tokenizer: Any,
    task: Task,
    prepared: Prepared,
    settings: Settings,
    folder: Path,
    *,
    save_every: int | None = None,
    stop_after: int | None = None,
    checkpoint: Path | None = None,
    progress: bool = False,
) -> dict[str, Any]:
    """Train the attached model in place: {"steps", "loss", "finished"}, with the mean loss since the start or resume.

    Checkpoints go to folder/checkpoints, after every `save_every` steps or each epoch; the last two are kept. The
    trained model and tokeniser go to `folder` once all steps are done.
    """
    expect(len(prepared) > 0, "training data", "at least one feature", "none")
    # Replicas of a model would each move running maxima of their own.
    gpus = torch.cuda.device_count()
    expect(gpus <= 1, "GPUs", "at most one (set CUDA_VISIBLE_DEVICES)", gpus)

    def collate(rows: list[dict[str, Any]]) -> dict[str, Tensor]:
        return task.collate(rows, tokenizer, settings.length)

    trainer = PrunedTrainer(
        task,
        settings.density_weight,
        model=model,
        args=_arguments(settings, folder, save_every, progress),
        train_dataset=prepared.inputs,
        data_collator=collate,
        callbacks=[StopAfter(stop_after)] if stop_after else None,
    )
    trainer.remove_callback(transformers.PrinterCallback)
    result = trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    finished = trainer.state.global_step >= trainer.state.max_steps
    if finished:
        save(model, tokenizer, folder)
    return {"steps": trainer.state.global_step, "loss": float(result.training_loss), "finished": finished}


def _arguments(settings: Settings, folder: Path, save_every: int | None, progress: bool) -> Any:
    return transformers.TrainingArguments(
        output_dir=str(folder / CHECKPOINTS),
        per_device_train_batch_size=settings.batch,
        gradient_accumulation_steps=settings.accumulate,
        learning_rate=settings.learning_rate,
        num_train_epochs=settings.epochs,
        max_steps=settings.steps or -1,
        lr_scheduler_type="linear",
        warmup_steps=settings.warmup_steps,
        weight_decay=settings.weight_decay,
        seed=settings.seed,
        bf16=settings.bf16,
        save_strategy="steps" if save_every else "epoch",
        save_steps=save_every or 500,
        save_total_limit=2,
        remove_unused_columns=False,
        dataloader_pin_memory=torch.cuda.is_available(),
        disable_tqdm=not progress,
        report_to="none",
    )


def save(model: Any, tokenizer: Any, folder: Path) -> None:
    """The model and tokeniser, as from_pretrained and attach_saved read them; config.json, which makes a folder a
    model, is moved in last."""
    partial = folder / ".model.partial"
    shutil.rmtree(partial, ignore_errors=True)
    try:
        model.save_pretrained(partial)
        tokenizer.save_pretrained(partial)
        for path in sorted(partial.iterdir(), key=lambda p: p.name == "config.json"):
            path.replace(folder / path.name)
    except OSError as error:
        raise InputError(f"{folder}: cannot be written: {error.strerror}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def describe(settings: Settings) -> dict[str, Any]:
    """As JSON stores them."""
    return asdict(settings)
