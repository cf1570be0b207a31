"""Does a trace hold what was put in, and are files that are not sound refused in one line?"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

from sanger_pruner import InputError, Trace, TraceWriter
from sanger_pruner.trace import LayerInfo, Sequences, allowed_positions, pack_bits, unpack_bits

SANGER = {
    "policy": "sanger",
    "empty_row": "dense",
    "threshold": [0.002, 0.004],
    "bits": 4,
    "quant_q": 0.75,
    "quant_k": 0.625,
}
INFOS = [
    LayerInfo("0", 2, 1, 11, 11, 4, True, 0.5, **SANGER),  # type: ignore[arg-type]
    LayerInfo("1", 2, 2, 11, 11, 4, False, 0.25, policy="static:fixed", empty_row="zero"),
]


def random_data(info: LayerInfo, seed: int, dtype: str = "f2") -> Sequences:
    rng = np.random.default_rng(seed)
    q = rng.standard_normal((1, info.heads, info.queries, info.head_size)).astype(dtype)
    k, v = (rng.standard_normal((1, info.kv_heads, info.keys, info.head_size)).astype(dtype) for _ in range(2))
    valid, valid_q = np.ones((1, info.keys), bool), np.ones((1, info.queries), bool)
    valid[0, -2:] = False
    plain = Sequences(q, k, v, None, valid, valid_q)
    mask = (rng.random((1, info.heads, info.queries, info.keys)) < 0.5) & allowed_positions(info, plain)
    mask[..., 0] = True
    return replace(plain, mask=mask)


def write(path: Path, infos: list[LayerInfo] = INFOS, sequences: int = 3, **options: Any) -> Path:
    with TraceWriter(path, infos, sequences, options.get("dtype", "F16"), "m", "s") as writer:
        for i in range(sequences):
            for n, info in enumerate(infos):
                writer.write(info.layer_id, random_data(info, 10 * i + n))
    return path


def leftovers(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("n", [1, 7, 8, 9, 64, 65])
def test_bit_j_of_byte_b_is_position_8b_plus_j(n: int) -> None:
    bits = np.random.default_rng(n).random((3, n)) < 0.5
    packed = pack_bits(bits)
    assert packed.shape == (3, -(-n // 8))
    assert all(bool(packed[i, j // 8] >> (j % 8) & 1) == bits[i, j] for i in range(3) for j in range(n))
    assert np.array_equal(unpack_bits(packed, n), bits)


@pytest.mark.parametrize("dtype", ["F16", "F32"])
def test_what_is_written_comes_back(tmp_path: Path, dtype: str) -> None:
    trace = Trace(write(tmp_path / "t.safetensors", dtype=dtype))
    trace.validate()
    assert (trace.model, trace.source, trace.sequences, trace.dtype) == ("m", "s", 3, dtype)
    assert list(trace.layers.values()) == INFOS
    for i in range(3):
        for n, info in enumerate(INFOS):
            wanted, found = random_data(info, 10 * i + n), trace.read(info.layer_id, i)
            for name in ("q", "k", "v", "mask", "valid", "valid_q"):
                assert np.array_equal(getattr(wanted, name), getattr(found, name)), name


def test_the_container_is_one_that_the_safetensors_library_reads(tmp_path: Path) -> None:
    with safe_open(write(tmp_path / "t.safetensors"), framework="numpy") as file:
        assert json.loads(file.metadata()["threshold"]) == {"0": [0.002, 0.004]}
        assert json.loads(file.metadata()["policy"]) == {"0": "sanger", "1": "static:fixed"}
        assert file.get_tensor("layer.0.mask").shape == (3, 2, 11, 2)


def test_layers_come_in_the_order_in_which_a_network_runs_them(tmp_path: Path) -> None:
    ids = ["1-cross", "10-enc", "0-cross", "0-dec", "2-enc", "1-dec"]
    infos = [replace(INFOS[1], layer_id=layer_id) for layer_id in ids]
    trace = Trace(write(tmp_path / "t.safetensors", infos, 1))
    assert list(trace.layers) == ["2-enc", "10-enc", "0-dec", "0-cross", "1-dec", "1-cross"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, InputError])
def test_nothing_is_left_behind_when_writing_stops(tmp_path: Path, error: type[BaseException]) -> None:
    path = write(tmp_path / "t.safetensors", sequences=1)
    before = path.read_bytes()
    with pytest.raises(error), TraceWriter(path, INFOS, 2, "F16", "m", "s") as writer:  # noqa: PT012 - it is interrupted
        writer.write("0", random_data(INFOS[0], 0))
        raise error
    assert leftovers(tmp_path) == ["t.safetensors"]
    assert path.read_bytes() == before


def test_an_incomplete_trace_does_not_appear(tmp_path: Path) -> None:
    with (
        pytest.raises(InputError, match=r"layer\.1\.q: expected 1 sequences, found 0"),
        TraceWriter(tmp_path / "t.safetensors", INFOS, 1, "F16", "m", "s") as writer,
    ):
        writer.write("0", random_data(INFOS[0], 0))
    assert leftovers(tmp_path) == []


def test_values_that_f16_cannot_hold_are_refused(tmp_path: Path) -> None:
    data = random_data(INFOS[0], 0, "f4")
    data.q[0, 0, 0, 0] = 70000
    with (
        pytest.raises(InputError, match="layer 0: q: expected values within F16"),
        TraceWriter(tmp_path / "t.safetensors", INFOS, 1, "F16", "m", "s") as writer,
    ):
        writer.write("0", data)
    assert leftovers(tmp_path) == []


def test_a_folder_that_does_not_exist_is_one_line(tmp_path: Path) -> None:
    with (
        pytest.raises(InputError, match="cannot be written: No such file or directory"),
        TraceWriter(tmp_path / "no" / "t.safetensors", INFOS, 1, "F16", "m", "s"),
    ):
        pass


def altered(path: Path, metadata: dict[str, Any] | None = None, tensors: dict[str, Any] | None = None) -> Path:
    """The sound trace with some metadata (JSON values) or tensors replaced; None removes."""
    write(path)
    with safe_open(path, framework="numpy") as file:
        values = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        strings = dict(file.metadata())
    for store, changes in ((strings, metadata or {}), (values, tensors or {})):
        for key, value in changes.items():
            if value is None:
                del store[key]
            elif store is strings:
                strings[key] = value if isinstance(value, str) else json.dumps(value)
            else:
                values[key] = value
    save_file(values, path, strings)
    return path


def ones_mask() -> np.ndarray[Any, Any]:
    return np.full((3, 2, 11, 2), 255, np.uint8)


@pytest.mark.parametrize(
    ("metadata", "tensors", "message"),
    [
        ({"format": "other"}, {}, "format: expected sanger-trace, found other"),
        ({"version": "2"}, {}, "version: expected 1, found 2"),
        ({"model": None}, {}, "model: expected a string"),
        ({"causal": None}, {}, "causal of layer 0: expected a value"),
        ({"causal": {"0": 1, "1": False}}, {}, "causal of layer 0: expected true or false, found 1"),
        ({"scaling": {"0": 0, "1": 1}}, {}, "scaling of layer 0: expected a number in 1e-9 .. 1e9, found 0"),
        ({"scaling": "nonsense"}, {}, "scaling: expected a JSON map"),
        ({"policy": {"1": "static:fixed"}}, {}, "policy of layer 0: expected a value"),
        ({"policy": {"0": "random", "1": "static:fixed"}}, {}, "policy of layer 0: expected a policy, found random"),
        ({"empty_row": {"0": "some", "1": "zero"}}, {}, "empty_row of layer 0: expected dense, zero or top1"),
        ({"bits": {"0": 3}}, {}, "bits of layer 0: expected 2, 4, 6 or 8, found 3"),
        ({"quant_q": {"0": 0}}, {}, "quant_q of layer 0: expected a number in"),
        ({"threshold": {"0": [0.1]}}, {}, "threshold of layer 0: expected a number in"),
        ({"threshold": {"0": 1.5}}, {}, "threshold of layer 0: expected a number in"),
        ({"scaling": {"0": 1, "1": 1, "2": 1}}, {}, r"scaling: expected layers among 0, 1, found \['2'\]"),
        ({"source": ""}, {}, "source: expected a string that is not empty, found ''"),
        ({}, {"layer.0.mask": ones_mask() & 0}, "layer.0.mask: expected a key in every row under dense"),
        ({}, {"layer.0.v": None}, "layer.0.v: expected a tensor, found none"),
        ({}, {"layer.0.valid": None}, "layer.0.valid: expected a tensor, found none"),
        ({}, {"extra": np.zeros(2, "f4")}, "tensors: expected layer"),
        ({}, {"layer.0.q": np.zeros((3, 2, 11, 4), "f8")}, "layer.0.q: expected F16 or F32, found F64"),
        ({}, {"layer.0.k": np.zeros((3, 3, 11, 4), "f2")}, "layer.0.k: expected a number of heads that divides 2"),
        ({}, {"layer.0.v": np.zeros((3, 1, 10, 4), "f2")}, r"layer.0.v: expected shape \[3, 1, 11, 4\]"),
        ({}, {"layer.0.mask": ones_mask()}, "layer.0.mask: expected no bits beyond 11"),
        ({}, {"layer.0.mask": ones_mask() & [255, 7]}, "layer.0.mask: expected bits on allowed keys only"),
        ({}, {"layer.0.q": np.full((3, 2, 11, 4), np.nan, "f2")}, "layer.0.q: expected finite values"),
    ],
)
def test_unsound_traces_are_refused_in_one_line(
    tmp_path: Path, metadata: dict[str, Any], tensors: dict[str, Any], message: str
) -> None:
    typed = {
        name: value if value is None or value.dtype != np.int64 else value.astype("u1")
        for name, value in tensors.items()
    }
    path = altered(tmp_path / "t.safetensors", metadata, typed)
    with pytest.raises(InputError, match=message) as caught:
        Trace(path).validate()
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(str(path))


def test_a_file_cut_short_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "t.safetensors")
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(InputError, match="expected a safetensors file"):
        Trace(path)


def test_a_causal_layer_needs_as_many_keys_as_queries(tmp_path: Path) -> None:
    infos = [replace(INFOS[0], layer_id="0-cross")]
    with pytest.raises(InputError, match="causal of layer 0-cross: expected false"):
        Trace(write(tmp_path / "t.safetensors", infos, 1))


def test_a_trace_without_masks_is_sound(tmp_path: Path) -> None:
    info = LayerInfo("0", 2, 1, 11, 11, 4, True, 0.5)
    path = tmp_path / "t.safetensors"
    with TraceWriter(path, [info], 1, "F16", "m", "s") as writer:
        writer.write("0", replace(random_data(info, 0), mask=None))
    trace = Trace(path)
    trace.validate()
    assert trace.read("0", 0).mask is None
    assert "policy" not in trace.metadata
