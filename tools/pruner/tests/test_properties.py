"""What must hold for any input, tried with inputs that hypothesis makes up: the same ones in every run, or new ones
with HYPOTHESIS_PROFILE=long."""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import double_rule
import numpy as np
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sanger_pruner.cli.common import add_policy_arguments, policy_config, positive
from sanger_pruner.errors import InputError
from sanger_pruner.files import read_json
from sanger_pruner.rule import apply_empty_row, fake_quantise, level_count, quantise, top_key, topk_keep
from sanger_pruner.trace import LayerInfo, Sequences, Trace, TraceWriter, allowed_positions, pack_bits, unpack_bits

settings.register_profile("ci", derandomize=True, max_examples=60, deadline=None, database=None)
settings.register_profile("long", max_examples=3000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

WORDS = st.text(max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=8,
)
# What JSON readers of their own stumble over: numbers without end, nesting without end.
TEXTS = JSON.map(json.dumps) | WORDS | st.sampled_from(["[" * 100000, "9" * 5000, '{"0":' * 2000, "1e999", "-0", "NaN"])


def must_be_one_line(error: InputError) -> None:
    assert str(error).isprintable(), repr(str(error))


# ---- traces


@st.composite
def traces(draw: st.DrawFn) -> tuple[LayerInfo, Sequences, str]:
    sizes = st.integers(1, 9)
    kv_heads, queries, size = draw(st.integers(1, 2)), draw(sizes), draw(st.integers(1, 5))
    causal = draw(st.booleans())
    keys = queries if causal else draw(sizes)
    heads, count, dtype = (
        kv_heads * draw(st.integers(1, 2)),
        draw(st.integers(1, 2)),
        draw(st.sampled_from(["F16", "F32"])),
    )
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    empty_row = draw(st.sampled_from([None, "zero", "dense"]))
    policy = None if empty_row is None else draw(st.sampled_from(["sanger", "topk:3", "learned", "static:x"]))
    predicted = (0.25, 4, 0.5, 2.0) if policy == "sanger" else (None,) * 4
    info = LayerInfo(
        "3", heads, kv_heads, queries, keys, size, causal, draw(st.floats(1e-9, 1e9)), policy, empty_row, *predicted
    )
    q = rng.standard_normal((count, heads, queries, size)).astype("f2")
    k, v = (rng.standard_normal((count, kv_heads, keys, size)).astype("f2") for _ in range(2))
    plain = Sequences(q, k, v, None, rng.random((count, keys)) < 0.8, rng.random((count, queries)) < 0.8)
    allowed = np.broadcast_to(allowed_positions(info, plain), (count, heads, queries, keys))
    full = allowed if empty_row == "dense" else allowed & (rng.random(allowed.shape) < 0.5)
    return info, Sequences(q, k, v, None if empty_row is None else full, plain.valid, plain.valid_q), dtype


def write(path: Path, info: LayerInfo, data: Sequences, dtype: str) -> None:
    with TraceWriter(path, [info], len(data.valid), dtype, "m", "s") as writer:
        writer.write(info.layer_id, data)


@given(traces())
def test_what_is_written_is_read(made: tuple[LayerInfo, Sequences, str]) -> None:
    info, data, dtype = made
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder) / "t", info, data, dtype)
        trace = Trace(Path(folder) / "t")
        assert trace.layers == {"3": info}
        for i in range(len(data.valid)):
            found = trace.read("3", i)
            for name in ("q", "k", "v", "mask", "valid", "valid_q"):
                wanted, got = getattr(data, name), getattr(found, name)
                assert (wanted is None) == (got is None)
                assert wanted is None or np.array_equal(wanted[i : i + 1], got), name


def open_bytes(content: bytes) -> None:
    """A trace, or one line."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t"
        path.write_bytes(content)
        try:
            Trace(path).validate()
        except InputError as error:
            must_be_one_line(error)


def sound() -> tuple[dict[str, Any], bytes]:
    info = LayerInfo("0", 2, 1, 3, 3, 2, True, 0.5, "sanger", "zero", [0.1, 0.2], 4, 0.5, 2.0)
    ones, valid = np.ones((1, 2, 3, 2), "f2"), np.ones((1, 3), bool)
    data = Sequences(ones, ones[:, :1], ones[:, :1], np.broadcast_to(np.tri(3, dtype=bool), (1, 2, 3, 3)), valid, valid)
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder) / "t", info, data, "F16")
        content = (Path(folder) / "t").read_bytes()
    end = 8 + int.from_bytes(content[:8], "little")
    return json.loads(content[8:end]), content[end:]


HEADER, DATA = sound()
IDS = st.sampled_from(["0", "00", "1-cross", "9" * 5000, "a\nb"]) | WORDS


def join(header: dict[str, Any], data: bytes) -> bytes:
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


@given(st.sampled_from(sorted(HEADER["__metadata__"])), TEXTS)
def test_metadata_of_any_text(key: str, text: str) -> None:
    open_bytes(join({**HEADER, "__metadata__": {**HEADER["__metadata__"], key: text}}, DATA))


@given(
    st.sampled_from(["causal", "scaling", "policy", "empty_row", "threshold", "bits", "quant_q", "quant_k"]), IDS, JSON
)
def test_metadata_of_any_value(key: str, layer_id: str, value: Any) -> None:
    for values in ({"0": value}, {**json.loads(HEADER["__metadata__"][key]), layer_id: value}):
        open_bytes(join({**HEADER, "__metadata__": {**HEADER["__metadata__"], key: json.dumps(values)}}, DATA))


@given(st.sampled_from(sorted(set(HEADER) - {"__metadata__"})), IDS, st.sampled_from(["q", "mask", "valid", "x\n"]))
def test_tensors_of_any_name(tensor: str, layer_id: str, part: str) -> None:
    open_bytes(join({(f"layer.{layer_id}.{part}" if name == tensor else name): v for name, v in HEADER.items()}, DATA))


@given(st.sampled_from(sorted(set(HEADER) - {"__metadata__"})), st.lists(st.integers(0, 2**63), max_size=5), WORDS)
def test_tensors_of_any_shape(tensor: str, shape: list[int], dtype: str) -> None:
    for changes in ({"shape": shape}, {"dtype": dtype}, {"data_offsets": shape}):
        open_bytes(join({**HEADER, tensor: {**HEADER[tensor], **changes}}, DATA))


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=4), st.integers(0, 2000))
def test_damage_of_any_kind(changes: list[tuple[int, int]], cut: int) -> None:
    content = bytearray(join(HEADER, DATA))
    for at, value in changes:
        content[at % len(content)] = value
    open_bytes(bytes(content))
    open_bytes(bytes(content[: -cut or None]))


# ---- the rule

BITS = st.sampled_from([2, 4, 6, 8])
NUMBERS = st.lists(st.floats(-8, 8, width=32), min_size=1, max_size=16)


@given(NUMBERS, st.floats(2**-6, 16, width=32), BITS)
def test_codes_are_the_nearest(numbers: list[float], limit: float, bits: int) -> None:
    x, t, m = torch.tensor(numbers), torch.tensor(limit), level_count(bits)
    codes, values = quantise(x, t, bits), fake_quantise(x, t, bits)
    assert bool((codes == codes.round()).all())
    assert int(codes.abs().max()) <= m
    step = limit / m
    assert bool(((values - x.clamp(-limit, limit)).abs() <= step * 0.5001).all())
    assert torch.equal(quantise(values, t, bits), codes)
    doubles = np.array(numbers)
    clear = np.abs(np.abs(doubles * m / limit) % 1 - 0.5) > 1e-4
    wanted = double_rule.fake_quantise(doubles, limit, bits)
    assert np.allclose(values.numpy()[clear], wanted[clear], rtol=1e-5, atol=0)


@st.composite
def score_rows(draw: st.DrawFn) -> tuple[torch.Tensor, torch.Tensor]:
    rows, keys = draw(st.integers(1, 4)), draw(st.integers(1, 9))
    few = st.sampled_from([-1.0, 0.0, 0.5, 0.5, 2.0])  # with ties
    scores = torch.tensor(draw(st.lists(few, min_size=rows * keys, max_size=rows * keys))).view(1, 1, rows, keys)
    bits = draw(st.lists(st.booleans(), min_size=rows * keys, max_size=rows * keys))
    return scores, torch.tensor(bits).view(1, 1, rows, keys)


@given(score_rows(), st.integers(1, 10), st.sampled_from(["dense", "zero", "top1"]), st.floats(0, 1))
def test_masks_keep_what_they_must(
    made: tuple[torch.Tensor, torch.Tensor], count: int, policy: str, limit: float
) -> None:
    scores, allowed = made
    low = scores.masked_fill(~allowed, torch.finfo(scores.dtype).min)
    mask = apply_empty_row((low > limit).clone(), low, allowed, policy)
    assert not bool((mask & ~allowed).any())
    kept, before = mask.sum(dim=-1), ((low > limit) & allowed).sum(dim=-1)
    filled = {"dense": allowed.sum(dim=-1), "zero": torch.zeros_like(kept), "top1": allowed.any(dim=-1).long()}[policy]
    assert torch.equal(kept, torch.where(before > 0, before, filled))
    top = topk_keep(scores, count)
    assert bool((top.sum(dim=-1) == min(count, scores.shape[-1])).all())
    worst_kept = scores.masked_fill(~top, 9).amin(dim=-1, keepdim=True)
    assert not bool(((scores > worst_kept) & ~top).any())
    assert torch.equal(top_key(scores), topk_keep(scores, 1))


@given(st.lists(st.booleans(), min_size=1, max_size=70))
def test_bits_are_packed_and_unpacked(bits: list[bool]) -> None:
    packed = pack_bits(np.array(bits))
    assert len(packed) == -(-len(bits) // 8)
    assert unpack_bits(packed, len(bits)).tolist() == bits
    assert int.from_bytes(packed.tobytes(), "little") == sum(1 << i for i, bit in enumerate(bits) if bit)


# ---- arguments and files


@given(WORDS | st.integers(-5, 10**20).map(str) | st.sampled_from(["", " 5", "5 ", "+5", "1_000", "５", "9" * 5000]))
def test_counts_are_digits(text: str) -> None:
    try:
        value = positive(text)
    except argparse.ArgumentTypeError:
        return
    assert text.isascii()
    assert text.isdigit()
    assert value == int(text) >= 1


POLICIES = st.sampled_from(
    ["sanger", "learned", "dense", "topk:3", "static:fixed", "static:bigbird", "static:longformer"]
)
VALUES = st.sampled_from(
    ["0", "1", "-1", "2.5", "1e999", "NaN", "true", "[]", "[1]", "{}", '"a"', "9" * 5000, "[" * 100000]
)
NAMES = st.sampled_from(
    ["block", "num_local_blocks", "num_global_blocks", "attention", "different_layout_per_head", "seed"]
)


@given(
    st.none() | POLICIES | WORDS,
    st.lists(st.builds("{}={}".format, NAMES | WORDS, VALUES) | WORDS, max_size=2),
    st.sampled_from(["nan", "inf", "-1", "0", "0.5", "1"]),
    WORDS | st.sampled_from(["dense", "zero", "top1"]),
)
def test_policies_are_taken_or_refused_in_one_line(
    policy: str | None, static: list[str], threshold: str, row: str
) -> None:
    parser = argparse.ArgumentParser()
    add_policy_arguments(parser)
    options = [f"--threshold={threshold}", f"--empty-row={row}", *(f"--static={item}" for item in static)]
    arguments = parser.parse_args([*options, *([] if policy is None else [f"--policy={policy}"])])
    try:
        config = policy_config(arguments)
    except InputError as error:
        must_be_one_line(error)
        return
    assert 0 <= config.threshold < 1
    assert type(config).from_dict(json.loads(json.dumps(config.to_dict()))) == config


@given(TEXTS | st.binary(max_size=20))
def test_json_files_are_read_or_refused_in_one_line(content: str | bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "f.json"
        path.write_bytes(content if isinstance(content, bytes) else content.encode(errors="surrogatepass"))
        try:
            read_json(path)
        except InputError as error:
            must_be_one_line(error)
