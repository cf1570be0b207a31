"""Train a model on SQuAD v1.1, a GLUE task or CLOTH, dense or pruned, then evaluate it.

The folder gets the trained model with its ranges and thresholds, checkpoints, and metrics.json. --resume goes on from
the last checkpoint; the outcome is the same, bit for bit, as without the break.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from . import common, task_options

VERB = "train"
HELP = "train on SQuAD, GLUE or CLOTH, dense or pruned"
EXAMPLES = """\
  sanger-prune train --preset bert-base-squad --out squad
  sanger-prune train --task glue:sst2 --model ./my-bert --train-file train.tsv --eval-file dev.tsv \\
      --policy static:longformer --out sst2
  sanger-prune train --preset bert-base-squad --out squad --resume"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="where everything goes; made")
    task_options.add_task_arguments(parser)
    group = parser.add_argument_group("training")
    group.add_argument("--train-file", type=Path, metavar="FILE", help="training data (the hub's)")
    group.add_argument("--learning-rate", type=float, metavar="R", help="peak of AdamW's (published)")
    group.add_argument("--epochs", type=float, metavar="N", help="passes over the data (published)")
    group.add_argument("--steps", type=common.positive, metavar="N", help="optimiser steps, in place of epochs")
    group.add_argument("--accumulate", type=common.positive, default=1, metavar="N", help="batches per step (1)")
    group.add_argument("--warmup-steps", type=int, default=0, metavar="N", help="rising learning rate (0)")
    group.add_argument("--weight-decay", type=float, default=0.0, metavar="D", help="of AdamW (0)")
    group.add_argument("--density-weight", type=float, default=0.1, metavar="W", help="of policy learned (0.1)")
    group.add_argument("--bf16", action="store_true", help="autocast to bfloat16")
    group.add_argument("--resume", action="store_true", help="go on from the last checkpoint of --out")
    group.add_argument("--save-every", type=common.positive, metavar="N", help="steps between checkpoints (an epoch)")
    group.add_argument("--stop-after", type=common.positive, metavar="N", help="stop with a checkpoint at step N")
    common.add_model_arguments(parser, required=False)
    common.add_policy_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    recipe = task_options.apply_preset(arguments)
    common.policy_config(arguments)
    from ..files import write_json
    from ..training import begin, describe, train

    settings = _settings(arguments, recipe)
    task = task_options.load_task(arguments)
    model, tokenizer = task_options.load_for_task(arguments, task)
    prepared = task_options.prepare(arguments, task, tokenizer, arguments.train_file, task.train_split)
    # Read now, so that a bad file is not found after hours of training.
    task.read(arguments.eval_file, arguments.split or task.eval_split)
    about = _about(arguments, model, describe(settings), len(prepared))
    checkpoint = begin(arguments.out, about, arguments.resume)
    result = train(
        model,
        tokenizer,
        task,
        prepared,
        settings,
        arguments.out,
        save_every=arguments.save_every,
        stop_after=arguments.stop_after,
        checkpoint=checkpoint,
        progress=sys.stderr.isatty(),
    )
    print(f"{result['steps']} steps, loss {result['loss']:.4f}")
    if not result["finished"]:
        print(f"stopped; go on with --resume --out {arguments.out}")
        return 0
    report = task_options.evaluate_split(arguments, model, task, tokenizer)
    write_json(arguments.out / "metrics.json", {**report, "training": {**result, "settings": describe(settings)}})
    task_options.print_metrics(report)
    print(arguments.out / "metrics.json")
    return 0


def _settings(arguments: argparse.Namespace, recipe: Any) -> Any:
    from ..errors import expect
    from ..training import Settings

    rate = arguments.learning_rate if arguments.learning_rate is not None else recipe.learning_rate
    epochs = arguments.epochs if arguments.epochs is not None else recipe.epochs
    expect(rate > 0, "--learning-rate", "a number above 0", rate)
    expect(epochs > 0, "--epochs", "a number above 0", epochs)
    expect(arguments.warmup_steps >= 0, "--warmup-steps", "a number of at least 0", arguments.warmup_steps)
    names = (
        "length",
        "batch",
        "stride",
        "accumulate",
        "warmup_steps",
        "weight_decay",
        "steps",
        "density_weight",
        "seed",
        "bf16",
    )
    values = {name: getattr(arguments, name) for name in names}
    return Settings(learning_rate=rate, epochs=epochs, **values)


def _about(arguments: argparse.Namespace, model: Any, settings: dict[str, Any], features: int) -> dict[str, Any]:
    """What must not change between start and resume."""
    from ..attachment import states

    policy = next(iter(states(model).values())).config.to_dict()
    return {
        "task": arguments.task,
        "model": arguments.model,
        "features": features,
        "policy": policy,
        "settings": settings,
    }
