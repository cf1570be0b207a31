"""Evaluate a model on SQuAD v1.1, a GLUE task or CLOTH: the task's metrics, loss and the density kept.

A folder that train wrote brings its policy, ranges and thresholds along. Quantisers without a range are calibrated on
the evaluation data itself.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from ..errors import expect
from . import common, task_options

VERB = "eval"
HELP = "metrics and density on SQuAD, GLUE or CLOTH"
EXAMPLES = """\
  sanger-prune eval --task squad --model ./squad --out metrics.json --predictions answers.json
  sanger-prune eval --task glue:mnli --model ./mnli --split validation_mismatched --out mismatched.json
  sanger-prune eval --task cloth --model ./cloth --eval-file CLOTH/valid --policy static:fixed --out fixed.json"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the JSON file to write")
    parser.add_argument("--predictions", type=Path, metavar="FILE", help="SQuAD only: question id -> answer, JSON")
    task_options.add_task_arguments(parser)
    common.add_model_arguments(parser, required=False)
    common.add_policy_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    task_options.apply_preset(arguments)
    common.policy_config(arguments)
    for path in (arguments.out, arguments.predictions):
        if path is not None:
            common.check_output(path)
    if arguments.predictions is not None:
        expect(arguments.task == "squad", "--predictions", "task squad", arguments.task)
    from ..files import write_json

    task = task_options.load_task(arguments)
    model, tokenizer = task_options.load_for_task(arguments, task)
    report = task_options.evaluate_split(arguments, model, task, tokenizer)
    predictions = report.pop("predictions", None)
    if predictions is not None:
        write_json(arguments.predictions, predictions)
    write_json(arguments.out, report)
    task_options.print_metrics(report)
    print(arguments.out)
    return 0
