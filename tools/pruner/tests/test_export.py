"""Does an exported trace hold every layer, and do its masks follow from its own values?"""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
import sys
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import double_rule
import numpy as np
import pytest
import torch
import transformers
from conftest import KINDS, LENGTH, MINILM, PADDED, ROOT, build_batch, build_model
from safetensors.numpy import load_file
from transformers import AttentionInterface

import sanger_pruner as sp
from sanger_pruner.attention import sanger_attention
from sanger_pruner.load import Texts, load_model, load_tokenizer
from sanger_pruner.trace import LayerInfo, Sequences, allowed_positions

POLICIES = ("sanger", "learned", "topk:5", "dense", "static:fixed", "static:bigbird", "static:local_sliding_window")


def exported(kind: str, path: Path, **options: Any) -> sp.Trace:
    config = sp.PrunerConfig(**{"threshold": 0.03, "bits": 4, **options.pop("config", {})})
    sp.export_trace(sp.attach(build_model(kind), config), [build_batch(kind)], path, progress=False, **options)
    trace = sp.Trace(path)
    trace.validate()
    return trace


def recomputed(info: LayerInfo, data: Sequences) -> tuple[Any, Any]:
    """The mask of the file's q and k under the double-precision rule, and which bits are too close to call."""
    q, k = (x.astype(np.float64) for x in (data.q, data.k))
    k = k.repeat(info.heads // info.kv_heads, axis=1)
    allowed = allowed_positions(info, data)
    assert info.quant_q is not None
    assert info.quant_k is not None
    assert info.bits is not None
    found = double_rule.probabilities(q, k, info.quant_q, info.quant_k, info.bits, info.scaling, allowed)
    limit = np.asarray(info.threshold).reshape(-1, 1, 1)
    keep = (found > limit) & allowed
    if info.empty_row == "dense":
        keep = np.where(keep.any(axis=-1, keepdims=True), keep, allowed)
    return keep, np.abs(found / limit - 1) < 1e-4


@pytest.mark.parametrize("kind", KINDS)
def test_every_model_exports_every_layer_and_masks_follow_from_the_file(kind: str, tmp_path: Path) -> None:
    trace = exported(kind, tmp_path / "t.safetensors")
    assert trace.sequences == 2
    for layer_id, info in trace.layers.items():
        assert (info.heads, info.kv_heads, info.head_size) == (4, 2 if kind == "llama" else 4, 16)
        assert info.causal == (kind in ("gpt2", "llama") or layer_id.endswith("-dec"))
        for i in range(2):
            data = trace.read(layer_id, i)
            keep, close = recomputed(info, data)
            assert data.mask is not None
            assert ((data.mask == keep) | close)[:, :, data.valid_q[0]].all()
            assert close.mean() < 1e-3


def test_padding_of_both_sides_is_stored(tmp_path: Path) -> None:
    trace = exported("bart", tmp_path / "t.safetensors")
    cross = trace.read("0-cross", 1)
    assert cross.valid[0].tolist() == [True] * (LENGTH - PADDED) + [False] * PADDED
    assert trace.read("0-cross", 0).valid_q[0].tolist() == [True] * (LENGTH - 11) + [False] * 3
    encoder = trace.read("0-enc", 1)
    assert np.array_equal(encoder.valid, encoder.valid_q)


@pytest.mark.parametrize("policy", POLICIES)
def test_every_policy_exports(policy: str, tmp_path: Path) -> None:
    trace = exported("bert", tmp_path / "t.safetensors", config={"policy": policy})
    info = trace.layers["0"]
    assert info.policy == ("static:dense" if policy == "dense" else policy)
    assert (info.bits is not None) == (policy in ("sanger", "learned", "topk:5"))
    assert (info.threshold is not None) == (policy in ("sanger", "learned"))


def test_f32_traces_hold_the_models_own_values(tmp_path: Path) -> None:
    calls = []
    model, batch = sp.attach(build_model("bert"), sp.PrunerConfig("dense")), build_batch("bert")
    with torch.inference_mode(), sp.observing(model, calls.append):
        model(**batch)
    trace = exported("bert", tmp_path / "t.safetensors", dtype="F32", config={"policy": "dense"})
    assert np.array_equal(trace.read("1", 1).v[0], calls[1].v[1].numpy())


def test_traces_without_masks(tmp_path: Path) -> None:
    assert exported("bert", tmp_path / "t.safetensors", masks=False).layers["0"].policy is None


def test_batches_are_streamed_into_one_trace(tmp_path: Path) -> None:
    """Sequences of many batches equal those of a single one, up to the order of sums inside the model."""
    whole = exported("bert", tmp_path / "whole.safetensors", config={"policy": "dense"}, dtype="F32")
    batch = build_batch("bert")
    single = [{name: value[i : i + 1] for name, value in batch.items()} for i in range(2)]
    model = sp.attach(build_model("bert"), sp.PrunerConfig("dense"))
    sp.export_trace(model, single, tmp_path / "parts.safetensors", dtype="F32", progress=False)
    parts = sp.Trace(tmp_path / "parts.safetensors")
    assert parts.sequences == 2
    for layer_id in whole.layers:
        for i in range(2):
            one, two = whole.read(layer_id, i), parts.read(layer_id, i)
            assert np.array_equal(one.valid, two.valid)
            np.testing.assert_allclose(one.q, two.q, rtol=1e-4, atol=1e-4)


def test_ranges_are_calibrated_on_all_batches_before_any_is_written(tmp_path: Path) -> None:
    batches = [build_batch("bert", seed) for seed in range(3)]
    model = sp.attach(build_model("bert"), sp.PrunerConfig(threshold=0.03))
    infos = sp.export_trace(model, batches, tmp_path / "t.safetensors", progress=False)
    again = sp.attach(build_model("bert"), sp.PrunerConfig(threshold=0.03))
    with torch.inference_mode(), sp.calibrating(again), sp.observing(again, lambda call: None, torch.float16):
        for batch in reversed(batches):
            again(**batch)
    assert infos[0].quant_q == pytest.approx(float(sp.states(again)["0"].quant_q), rel=1e-6)
    sp.Trace(tmp_path / "t.safetensors").validate()


def test_memory_does_not_grow_with_the_number_of_sequences(tmp_path: Path) -> None:
    model = sp.attach(build_model("bert"), sp.PrunerConfig("dense"))
    path, batches = tmp_path / "t.safetensors", [build_batch("bert")] * 200
    sp.export_trace(model, batches[:1], path, progress=False)
    tracemalloc.start()
    sp.export_trace(model, batches, path, progress=False)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.1 * path.stat().st_size


def test_tensors_of_earlier_batches_are_let_go(tmp_path: Path) -> None:
    """tracemalloc does not see torch's memory, so tensors are counted."""
    model = sp.attach(build_model("bert"), sp.PrunerConfig("dense"))
    alive: list[int] = []

    def count_tensors(*unused: Any) -> None:
        gc.collect()
        alive.append(sum(type(x) is torch.Tensor for x in gc.get_objects()))

    model.register_forward_pre_hook(count_tensors)
    sp.export_trace(model, [build_batch("bert")] * 8, tmp_path / "t.safetensors", progress=False)
    assert len(alive) == 8
    assert max(alive[2:]) <= alive[1]


def test_a_layer_that_runs_repeatedly_gets_an_id_per_run(tmp_path: Path) -> None:
    config = transformers.AlbertConfig(
        vocab_size=50,
        embedding_size=16,
        hidden_size=64,
        num_hidden_layers=3,
        num_attention_heads=4,
        intermediate_size=64,
    )
    torch.manual_seed(0)
    model = sp.attach(transformers.AlbertModel(config).eval(), sp.PrunerConfig(threshold=0.03))
    sp.export_trace(model, [build_batch("bert")], tmp_path / "t.safetensors", progress=False)
    assert list(sp.Trace(tmp_path / "t.safetensors").layers) == ["0", "1", "2"]


def test_a_sliding_window_is_refused(tmp_path: Path) -> None:
    config = transformers.MistralConfig(
        vocab_size=50, hidden_size=64, num_hidden_layers=1, num_attention_heads=4, num_key_value_heads=4,
        intermediate_size=64, sliding_window=4, bos_token_id=None, eos_token_id=None,
    )  # fmt: skip
    model = sp.attach(transformers.MistralModel(config).eval(), sp.PrunerConfig("dense"))
    with pytest.raises(sp.InputError, match="layer 0: attention mask: expected padding and causality only"):
        sp.export_trace(model, [build_batch("bert")], tmp_path / "t.safetensors", progress=False)
    assert list(tmp_path.iterdir()) == []


def test_additive_biases_are_refused(tmp_path: Path) -> None:
    config = transformers.T5Config(vocab_size=50, d_model=64, d_kv=16, d_ff=64, num_layers=2, num_heads=4)
    model = sp.attach(transformers.T5EncoderModel(config).eval(), sp.PrunerConfig("dense"))
    with pytest.raises(sp.InputError, match="layer 0: scores: expected no additive bias"):
        sp.export_trace(model, [build_batch("bert")], tmp_path / "t.safetensors", progress=False)


def test_interrupting_a_model_leaves_no_file(tmp_path: Path) -> None:
    model = sp.attach(build_model("bert"), sp.PrunerConfig("dense"))
    batches = [build_batch("bert"), build_batch("bert")]
    count = iter(range(10))

    def stop_in_the_second_batch(*unused: Any) -> None:
        if next(count) == 1:
            raise KeyboardInterrupt

    model.register_forward_pre_hook(stop_in_the_second_batch)
    with pytest.raises(KeyboardInterrupt):
        sp.export_trace(model, batches, tmp_path / "t.safetensors", progress=False)
    assert list(tmp_path.iterdir()) == []


def test_the_bundled_traces_are_what_the_script_makes(tmp_path: Path) -> None:
    """Byte for byte; the script runs anew in a process of its own."""
    script = ROOT / "tools" / "pruner" / "bundled_traces.py"
    subprocess.run([sys.executable, str(script), "--out", str(tmp_path)], check=True, capture_output=True, timeout=120)
    for name in ("minilm_128.safetensors", "causal_tiny.safetensors"):
        assert (tmp_path / name).read_bytes() == (ROOT / "traces" / name).read_bytes(), name


def test_minilms_trace_is_small_and_its_masks_follow_from_it() -> None:
    path = ROOT / "traces" / "minilm_128.safetensors"
    trace = sp.Trace(path)
    assert path.stat().st_size < 3_000_000
    assert (len(trace.layers), trace.layers["0"].heads, trace.layers["0"].queries) == (6, 12, 128)
    differing = 0
    for layer_id, info in trace.layers.items():
        data = trace.read(layer_id, 0)
        keep, close = recomputed(info, data)
        assert data.mask is not None
        differing += int((data.mask != keep).sum())
        assert not ((data.mask != keep) & ~close).any()
    assert differing <= 1e-4 * 6 * 12 * 128 * 128


def test_the_tiny_trace_is_causal_padded_and_no_multiple_of_64() -> None:
    path = ROOT / "traces" / "causal_tiny.safetensors"
    trace = sp.Trace(path)
    trace.validate()
    assert path.stat().st_size < 200_000
    assert all(info.causal and info.queries == 72 for info in trace.layers.values())
    assert [int(trace.read("0", i).valid.sum()) for i in range(2)] == [72, 51]
    assert "random" in trace.model


def find_sanger() -> str | None:
    """The simulator's command: $SANGER, on the path, or in a build folder of the repository."""
    built = [str(path) for path in ROOT.glob("build*/**/sanger") if path.is_file() and os.access(path, os.X_OK)]
    sanger = os.environ.get("SANGER") or shutil.which("sanger") or (built[0] if built else None)
    if sanger is None or subprocess.run([sanger, "trace", "--help"], capture_output=True, check=False).returncode != 0:
        return None
    return sanger


SANGER = find_sanger()
needs_sanger = pytest.mark.skipif(SANGER is None, reason="no sanger command with a trace verb is built")


@needs_sanger
@pytest.mark.parametrize("kind", KINDS)
def test_the_simulator_accepts_what_python_writes(kind: str, tmp_path: Path) -> None:
    exported(kind, tmp_path / "t.safetensors")
    command = [SANGER, "trace", "validate", str(tmp_path / "t.safetensors")]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)  # type: ignore[arg-type]
    assert result.returncode == 0, result.stderr


@needs_sanger
@pytest.mark.parametrize("kind", ["bert", "gpt2", "llama"])
def test_the_machine_computes_what_sparse_attention_computes(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Outputs of the machine, causal and padded, against those of the pruner's own attention function, row by row."""
    computed = []

    def listening(*args: Any, **kwargs: Any) -> Any:
        output, weights = sanger_attention(*args, **kwargs)
        computed.append(output.transpose(1, 2).double().numpy())
        return output, weights

    monkeypatch.setitem(AttentionInterface._global_mapping, "sanger", listening)
    model = build_model(kind)
    with torch.no_grad():  # q that the design's formats hold: what clips is counted, and another matter
        for weight in (p for p in model.parameters() if p.dim() > 1):
            weight *= 0.6
    trace_path, outputs_path = tmp_path / "t.safetensors", tmp_path / "o.safetensors"
    config = sp.PrunerConfig(threshold=0.03, bits=4)
    sp.export_trace(sp.attach(model, config), [build_batch(kind)], trace_path, dtype="F32", progress=False)
    trace = sp.Trace(trace_path)
    command = [SANGER, "check", str(trace_path), "--design", "paper_64x16", "--outputs", str(outputs_path)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)  # type: ignore[arg-type]
    assert result.returncode == 0, result.stderr
    outputs = load_file(outputs_path)
    assert len(outputs) == len(computed) == len(trace.layers)
    for layer_id, expected in zip(trace.layers, computed, strict=True):
        valid = np.stack([trace.read(layer_id, i).valid_q[0] for i in range(2)])
        assert kind == "bert" or trace.layers[layer_id].causal
        assert valid.sum() == 2 * LENGTH - PADDED
        found = outputs[f"layer.{layer_id}.o"].astype(np.float64)
        error = np.linalg.norm(found - expected, axis=-1) / np.linalg.norm(expected, axis=-1)
        assert error.transpose(0, 2, 1)[valid].max() < 0.01


@needs_sanger
def test_the_simulator_refuses_what_is_not_sound(tmp_path: Path) -> None:
    exported("gpt2", tmp_path / "t.safetensors")
    data = bytearray((tmp_path / "t.safetensors").read_bytes())
    header = int.from_bytes(data[:8], "little")
    data[8 : 8 + header] = data[8 : 8 + header].replace(b'"sanger-trace"', b'"sanger-trice"')
    (tmp_path / "t.safetensors").write_bytes(data)
    command = [SANGER, "trace", "validate", str(tmp_path / "t.safetensors")]
    assert subprocess.run(command, capture_output=True, timeout=60).returncode == 2  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def rewrite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program that reads and writes a trace in C; skips where it cannot be built."""
    program = tmp_path_factory.mktemp("c") / "rewrite_trace"
    sources = [Path(__file__).with_name("rewrite_trace.c"), ROOT / "model/json.c", *(ROOT / "traces").glob("*.c")]
    flags = ["-std=gnu11", "-I", str(ROOT / "traces"), "-I", str(ROOT), "-lcjson", "-lm"]
    if shutil.which("cc") is None or not Path("/usr/include/cjson/cJSON.h").exists():
        pytest.skip("needs a C compiler and cJSON's headers (libcjson-dev)")
    subprocess.run(["cc", *map(str, sources), *flags, "-o", str(program)], check=True, timeout=120)
    return program


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", ["F16", "F32"])
def test_a_trace_survives_python_to_c_to_python(kind: str, dtype: str, rewrite: Path, tmp_path: Path) -> None:
    before = exported(kind, tmp_path / "before.safetensors", dtype=dtype)
    paths = [str(tmp_path / name) for name in ("before.safetensors", "after.safetensors")]
    subprocess.run([str(rewrite), *paths], check=True, timeout=60)
    after = sp.Trace(paths[1])
    after.validate()
    assert (after.model, after.source, after.dtype) == (before.model, before.source, dtype)
    assert list(after.layers) == list(before.layers)
    for layer_id, info in before.layers.items():
        found = after.layers[layer_id]
        limits = [found.threshold] if isinstance(found.threshold, float) else found.threshold
        assert set(limits or ()) == {info.threshold}
        assert replace(found, threshold=info.threshold) == info
        for i in range(before.sequences):
            one, two = before.read(layer_id, i), after.read(layer_id, i)
            for name in ("q", "k", "v", "mask", "valid", "valid_q"):
                assert np.array_equal(getattr(one, name), getattr(two, name)), name


def text_of(texts: Texts) -> list[list[int]]:
    rows = []
    for batch in texts:
        for ids, mask in zip(batch["input_ids"], batch["attention_mask"], strict=True):
            rows.append(ids[mask.bool()].tolist())
    return rows


def test_a_text_file_is_cut_into_sequences_that_lose_nothing() -> None:
    tokenizer = load_tokenizer(MINILM)
    path = ROOT / "traces" / "english.txt"
    rows = text_of(Texts(tokenizer, length=64, batch_size=3, path=path, minimum=1))
    inner = [token for row in rows for token in row[1:-1]]
    assert inner == tokenizer(path.read_text(), add_special_tokens=False, verbose=False)["input_ids"]
    assert {(row[0], row[-1]) for row in rows} == {(tokenizer.cls_token_id, tokenizer.sep_token_id)}
    assert {len(row) for row in rows[:-1]} == {64}


def test_records_are_cut_or_padded_to_the_length() -> None:
    records = [{"text": "a short one"}, {"text": "word " * 50}]
    rows = text_of(Texts(load_tokenizer(MINILM), length=16, records=records))
    assert [len(row) for row in rows] == [5, 16]


def test_minilm_loads_from_its_package() -> None:
    model = load_model(MINILM)
    assert (type(model).__name__, model.config.num_hidden_layers) == ("BertModel", 6)
