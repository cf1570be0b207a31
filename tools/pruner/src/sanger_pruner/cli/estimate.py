"""Estimate a layer's latency on the published machine with its two closed formulas, from a load balance file.

Both charge no prediction, softmax, packing or memory traffic: they are there to be compared with measured cycles.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from .common import positive

VERB = "estimate"
HELP = "closed-form latency of each layer"
EXAMPLES = """\
  sanger-prune estimate figures/load_balance_corrected.csv --hidden 384
  sanger-prune estimate published.csv --length 512 --json"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="load_balance.csv or load_balance_corrected.csv")
    parser.add_argument("--length", type=positive, metavar="L", help="tokens, where the file has no such column")
    parser.add_argument("--hidden", type=positive, default=768, metavar="H", help="hidden size of the model (768)")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    from ..estimate import estimate_file

    rows = [row.to_dict() for row in estimate_file(arguments.file, arguments.length, arguments.hidden)]
    if arguments.json:
        print(json.dumps({"file": arguments.file.name, "hidden": arguments.hidden, "layers": rows}, indent=2))
        return 0
    columns = ("layer", "length", "density", "balance", "v1_ms", "v2_ms", "v1_cycles", "v2_cycles")
    print(" ".join(f"{name:>10}" for name in columns))
    for row in rows:
        print(" ".join(_cell(name, row[name]) for name in columns))
    return 0


def _cell(name: str, value: object) -> str:
    if not isinstance(value, float):
        return f"{value:>10}"
    return f"{value:10.0f}" if name.endswith("cycles") else f"{value:10.6f}"
