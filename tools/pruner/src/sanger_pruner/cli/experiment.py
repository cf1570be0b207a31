"""Run one of two experiments: accuracy or perplexity against density, dense, predicted and static, over seeds.

digits    a small vision transformer on scikit-learn's handwritten digits
language  a causal language model of GPT-2's shape on the documentation strings of Python's standard library

Both need nothing but this package and take minutes on one core. Writes NAME.json, NAME.md and NAME.png.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import Any

from ..errors import InputError, expect
from . import common

VERB = "experiment"
HELP = "accuracy against density: digits, language"
EXAMPLES = """\
  sanger-prune experiment digits --out tools/pruner/experiments
  sanger-prune experiment language --seeds 0,1,2,3,4 --out more"""
NAMES = ("digits", "language")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", choices=NAMES, help="the experiment")
    parser.add_argument(
        "--out", type=Path, default=Path("experiments"), metavar="FOLDER", help="where the files go; made (experiments)"
    )
    parser.add_argument("--seeds", default="0,1,2", metavar="N,N,...", help="one run each (0,1,2)")
    parser.add_argument("--threads", type=common.positive, default=1, metavar="N", help="threads of torch (1)")
    parser.add_argument("--quick", action="store_true", help="a few steps: shows that it runs, figures mean nothing")


def run(arguments: argparse.Namespace) -> int:
    seeds = _seeds(arguments.seeds)
    expect(not arguments.out.exists() or arguments.out.is_dir(), str(arguments.out), "a folder", "a file")
    import torch
    from transformers.utils import logging

    from ..experiments.report import write_report
    from ..experiments.runner import run as run_experiment

    logging.set_verbosity_error()
    torch.set_num_threads(arguments.threads)
    result = run_experiment(_make(arguments.name, arguments.quick), seeds, partial(print, flush=True))
    for path in write_report(arguments.out, result):
        print(path)
    return 0


def _seeds(text: str) -> tuple[int, ...]:
    try:
        seeds = tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise InputError(f"--seeds: expected whole numbers with commas between, found {text!r}") from error
    expect(len(set(seeds)) == len(seeds) and min(seeds) >= 0, "--seeds", "different numbers of at least 0", text)
    return seeds


def _make(name: str, quick: bool) -> Any:
    if name == "digits":
        from ..experiments.digits import Digits

        return Digits(quick)
    from ..experiments.language import Language

    return Language(quick)
