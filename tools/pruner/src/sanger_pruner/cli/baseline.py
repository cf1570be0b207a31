"""Time attention on this machine: dense, FlexAttention with block masks, and sparse through torch's CSR operations.

One layer of each model, one sequence, dropout off. Rows that cannot run here (no GPU, no compiler) are reported as not
measured, with the reason.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from ..errors import InputError, expect
from . import common

VERB = "baseline"
HELP = "latency of attention on this machine"
EXAMPLES = """\
  sanger-prune baseline --out baseline.json
  sanger-prune baseline --models bert-base --lengths 512 --patterns longformer,fixed --threads 2 --out base.json"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the JSON file to write")
    parser.add_argument("--models", metavar="NAME,...", help="of the list in the page (all)")
    parser.add_argument("--lengths", default="128,384,512", metavar="L,...", help="tokens (128,384,512)")
    parser.add_argument(
        "--patterns",
        default="longformer,fixed",
        metavar="P,...",
        help="static patterns of sparse rows (longformer,fixed)",
    )
    parser.add_argument("--devices", default="cpu,cuda", metavar="D,...", help="cpu, cuda or both (cpu,cuda)")
    parser.add_argument("--threads", type=common.positive, default=1, metavar="N", help="threads of torch (1)")
    parser.add_argument("--seconds", type=float, default=0.5, metavar="S", help="least time per row (0.5)")
    parser.add_argument("--no-flex", action="store_true", help="leave FlexAttention out: compiling takes minutes")


def run(arguments: argparse.Namespace) -> int:
    common.check_output(arguments.out)
    expect(arguments.seconds > 0, "--seconds", "a number above 0", arguments.seconds)
    from ..baseline.measure import BACKENDS, Plan, measure
    from ..baseline.sizes import SIZES
    from ..files import write_json

    names = arguments.models.split(",") if arguments.models else list(SIZES)
    devices = tuple(arguments.devices.split(","))
    for given, known, option in ((names, SIZES, "--models"), (devices, BACKENDS, "--devices")):
        unknown = [name for name in given if name not in known]
        expect(not unknown, option, f"names among {', '.join(known)}", ", ".join(unknown))
    plan = Plan(
        sizes=tuple(SIZES[name] for name in names),
        lengths=_lengths(arguments.lengths),
        patterns=tuple(arguments.patterns.split(",")) if arguments.patterns else (),
        devices=devices,
        threads=arguments.threads,
        seconds=arguments.seconds,
        flex=not arguments.no_flex,
    )
    write_json(arguments.out, measure(plan, partial(print, flush=True)))
    print(arguments.out)
    return 0


def _lengths(text: str) -> tuple[int, ...]:
    try:
        lengths = tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise InputError(f"--lengths: expected whole numbers with commas between, found {text!r}") from error
    expect(min(lengths) >= 1, "--lengths", "numbers of at least 1", text)
    return lengths
