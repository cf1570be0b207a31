"""Options that train and eval share."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError, expect
from . import common

if TYPE_CHECKING:
    from ..presets import Recipe
    from ..tasks import Prepared, Task


def add_task_arguments(parser: argparse.ArgumentParser) -> None:
    """Task, preset, and sizes that a preset or the task's published recipe gives."""
    group = parser.add_argument_group("task")
    group.add_argument("--task", metavar="T", help="squad, cloth or glue:NAME; NAME is cola, sst2, mrpc, ..., or ax")
    group.add_argument("--preset", metavar="NAME", help="published set: {bert-base,gpt2,bart-base}-{squad,glue,cloth}")
    group.add_argument("--data", metavar="NAME", help="hub name of the data (the task's), where no file is given")
    group.add_argument("--eval-file", type=Path, metavar="FILE", help="evaluation data (the hub's)")
    group.add_argument("--split", metavar="NAME", help="evaluation split on the hub (validation)")
    group.add_argument("--length", type=common.positive, metavar="L", help="tokens per feature (published)")
    group.add_argument("--stride", type=int, metavar="N", help="tokens that features of SQuAD share (published)")
    group.add_argument("--batch", type=common.positive, metavar="B", help="features per step (published)")
    group.add_argument("--limit", type=common.positive, metavar="N", help="use the first N records of each file only")


def apply_preset(arguments: argparse.Namespace) -> Recipe:
    """Fill in model, task, threshold, length, stride and batch that were not given. Returns the recipe."""
    from ..presets import find_preset, recipe_for
    from ..tasks import TASK_NAMES

    if arguments.preset is not None:
        preset = find_preset(arguments.preset)
        arguments.model = arguments.model or preset.model
        if arguments.task is None and preset.task == "glue":
            raise InputError("--task: expected glue:NAME beside a glue preset, found none")
        arguments.task = arguments.task or preset.task
        family = arguments.task.partition(":")[0]
        expect(family == preset.task, "--task", f"{preset.task}, which the preset is for", arguments.task)
        if arguments.threshold is None:
            arguments.threshold = preset.threshold
    expect(arguments.task is not None, "--task", f"one of {', '.join(TASK_NAMES)}, or --preset", "none")
    expect(arguments.task in TASK_NAMES, "--task", f"one of {', '.join(TASK_NAMES)}", repr(arguments.task))
    expect(arguments.model is not None, "--model", "a model, or --preset", "none")
    recipe = recipe_for(arguments.task)
    for name in ("length", "stride", "batch"):
        if getattr(arguments, name) is None:
            setattr(arguments, name, getattr(recipe, name))
    expect(arguments.stride >= 0, "--stride", "a number of at least 0", arguments.stride)
    return recipe


def load_task(arguments: argparse.Namespace) -> Task:
    """The task, with another name for its data on the hub if there is one."""
    from ..tasks import make_task

    task = make_task(arguments.task)
    if arguments.data is not None:
        task.hub = arguments.data
    return task


def load_for_task(arguments: argparse.Namespace, task: Task) -> tuple[Any, Any]:
    """The attached model with the task's head, and its tokeniser, which gets a padding token if it has none."""
    config = common.policy_config(arguments)
    import torch
    from transformers import AutoConfig
    from transformers.utils import logging

    from ..attachment import CONFIG_KEY, attach, attach_saved
    from ..calibration_file import load_calibration
    from ..load import load_model, load_tokenizer, resolve_model

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    folder = resolve_model(arguments.model)
    try:
        saved = AutoConfig.from_pretrained(folder)
    except (OSError, ValueError) as error:
        raise InputError(f"{arguments.model}: expected a model, found {' '.join(str(error).split())}") from error
    name, options = task.model_class(saved)
    model = load_model(arguments.model, arguments.model_class or name, **options)
    tokenizer = load_tokenizer(arguments.model)
    add_padding(model, tokenizer)
    limit = getattr(model.config, "max_position_embeddings", arguments.length)
    expect(arguments.length <= limit, "--length", f"at most {limit}, the model's positions", arguments.length)
    if hasattr(saved, CONFIG_KEY):
        attach_saved(model, folder)
    if not hasattr(saved, CONFIG_KEY) or arguments.policy is not None:
        attach(model, config)  # keeps ranges that were saved
    if arguments.calibration is not None:
        load_calibration(model, arguments.calibration)
    return model, tokenizer


def add_padding(model: Any, tokenizer: Any) -> None:
    """GPT-2 has no padding token: the end-of-text token serves, masked as padding is."""
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    model.config.pad_token_id = tokenizer.pad_token_id
    if hasattr(tokenizer, "padding_side"):
        tokenizer.padding_side = "right"


def prepare(arguments: argparse.Namespace, task: Task, tokenizer: Any, source: Path | None, split: str) -> Prepared:
    """Features of one split."""
    records = task.read(source, split)[: arguments.limit]
    return task.prepare(records, tokenizer, arguments.length, arguments.stride)


def evaluate_split(arguments: argparse.Namespace, model: Any, task: Task, tokenizer: Any) -> dict[str, Any]:
    """What the metrics file holds: task, model, policy, data, versions and figures."""
    import torch
    import transformers

    from ..attachment import states
    from ..evaluation import evaluate

    split = arguments.split or task.eval_split
    prepared = prepare(arguments, task, tokenizer, arguments.eval_file, split)
    metrics, outputs = evaluate(
        model, task, prepared, tokenizer, arguments.length, arguments.batch, sys.stderr.isatty()
    )
    report = {
        "task": task.name,
        "model": arguments.model,
        "data": arguments.eval_file.name if arguments.eval_file else f"{task.hub}, {split}",
        "policy": next(iter(states(model).values())).config.to_dict(),
        "length": arguments.length,
        "records": len(prepared.records),
        "features": len(prepared),
        "metrics": metrics,
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
    }
    if getattr(arguments, "predictions", None) is not None:
        report["predictions"] = task.predictions(prepared, outputs)  # type: ignore[attr-defined]
    return report


def print_metrics(report: dict[str, Any]) -> None:
    """One line: policy, then each figure."""
    figures = " ".join(f"{name} {value:.4f}" for name, value in report["metrics"].items())
    print(f"{report['task']} {report['policy']['policy']}: {figures}")
