"""Attention traces: safetensors files of q, k, v and masks, written piece by piece and read back with checks.

Tensors, for a layer id `[0-9]+` with `-enc`, `-dec` or `-cross` behind it in models of two stacks:

    layer.<id>.q        [B,H,L,d]            F16 or F32
    layer.<id>.k, .v    [B,Hkv,M,d]          F16 or F32
    layer.<id>.mask     [B,H,L,ceil(M/8)]    U8, bit j of byte b is key 8b+j, 1 = kept; optional
    layer.<id>.valid    [B,ceil(M/8)]        U8, keys that are no padding
    layer.<id>.valid_q  [B,ceil(L/8)]        U8, queries that are no padding

Metadata strings: `format`, `version`, `model`, `source`, and as JSON maps from id to value `causal`, `scaling`;
with masks `policy`, `empty_row`; with predicted ones `threshold`, `bits`, `quant_q`, `quant_k`.

The safetensors library writes whole tensors from memory, so the streaming writer lays out the file itself; reading
goes through the library.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from .config import BITS, EMPTY_ROW_POLICIES
from .errors import InputError, expect
from .files import parse_json

FORMAT, VERSION = "sanger-trace", "1"
DTYPES: dict[str, np.dtype[Any]] = {"F16": np.dtype("<f2"), "F32": np.dtype("<f4"), "U8": np.dtype("u1")}
ID = re.compile(r"[0-9]+(-enc|-dec|-cross)?")
# an id has at most 31 characters, as in the C reader
TENSOR = re.compile(r"layer\.(?=[^.]{1,31}\.)([0-9]+(?:-enc|-dec|-cross)?)\.(q|k|v|mask|valid|valid_q)")
POLICY = re.compile(r"sanger|learned|topk:[1-9][0-9]*|static:[!-~]+")
Floats = NDArray[np.floating[Any]]
Bools = NDArray[np.bool_]


def pack_bits(bits: Bools) -> NDArray[np.uint8]:
    """bool [..., n] -> U8 [..., ceil(n/8)]; bit j of byte b is position 8b+j, bits beyond n are 0."""
    return np.packbits(bits, axis=-1, bitorder="little")


def unpack_bits(packed: NDArray[np.uint8], n: int) -> Bools:
    """The inverse of pack_bits."""
    return np.unpackbits(packed, axis=-1, count=n, bitorder="little").astype(bool)


@dataclass(frozen=True)
class LayerInfo:
    """One layer of a trace: shapes and what is needed to make its mask again.

    threshold is a number or a list of one per head; None, like bits, quant_q and quant_k, where the policy does not
    use it. policy None: the layer has no mask.
    """

    layer_id: str
    heads: int
    kv_heads: int
    queries: int
    keys: int
    head_size: int
    causal: bool
    scaling: float
    policy: str | None = None
    empty_row: str | None = None
    threshold: float | list[float] | None = None
    bits: int | None = None
    quant_q: float | None = None
    quant_k: float | None = None

    @property
    def cross(self) -> bool:
        return self.layer_id.endswith("-cross")

    def metadata(self) -> dict[str, Any]:
        """The entries of the per-layer metadata maps that this layer has."""
        names = ("causal", "scaling", "policy", "empty_row", "threshold", "bits", "quant_q", "quant_k")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}


@dataclass(frozen=True)
class Sequences:
    """Data of one layer for one or more sequences: q [b,H,L,d], k and v [b,Hkv,M,d], mask bool [b,H,L,M] or None,
    valid bool [b,M], valid_q bool [b,L]."""

    q: Floats
    k: Floats
    v: Floats
    mask: Bools | None
    valid: Bools
    valid_q: Bools


def _tensor_shapes(info: LayerInfo, sequences: int, dtype: str) -> dict[str, tuple[str, tuple[int, ...]]]:
    b, keys, queries = sequences, info.keys, info.queries
    shapes = {
        "q": (dtype, (b, info.heads, queries, info.head_size)),
        "k": (dtype, (b, info.kv_heads, keys, info.head_size)),
        "v": (dtype, (b, info.kv_heads, keys, info.head_size)),
        "mask": ("U8", (b, info.heads, queries, -(-keys // 8))),
        "valid": ("U8", (b, -(-keys // 8))),
        "valid_q": ("U8", (b, -(-queries // 8))),
    }
    if info.policy is None:
        del shapes["mask"]
    return shapes


@dataclass
class _Slot:
    """Where a tensor lies in the file: one equal part per sequence, and how many of them are written."""

    offset: int
    bytes_per_sequence: int
    written: int = 0


@dataclass
class TraceWriter:
    """Writes a trace sequence by sequence; memory does not grow with their number.

    A context manager. The file gets its name only when the block ends well and every tensor is complete; on an error
    or ^C the temporary file beside it is removed and an older file of that name stays as it was.
    """

    path: Path
    layers: list[LayerInfo]
    sequences: int
    dtype: str
    model: str
    source: str
    extra: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        expect(self.dtype in ("F16", "F32"), "dtype", "F16 or F32", self.dtype)
        expect(self.sequences >= 1, "sequences", "at least 1", self.sequences)
        self._slots: dict[str, _Slot] = {}
        self._temporary = self.path.with_name(f".{self.path.name}.{os.getpid()}.partial")
        self._fd = -1

    def __enter__(self) -> TraceWriter:
        header = self._header()
        try:
            self._fd = os.open(self._temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
        except OSError as error:
            raise InputError(f"{self.path}: cannot be written: {error.strerror}") from error
        try:
            os.write(self._fd, header)
            os.ftruncate(self._fd, len(header) + self._data_bytes)
        except OSError as error:
            self._discard()
            raise InputError(f"{self.path}: cannot be written: {error.strerror}") from error
        return self

    def _header(self) -> bytes:
        entries: dict[str, Any] = {"__metadata__": self._metadata()}
        offset = 0
        # Floats first: every tensor is then aligned to its type without gaps, which the container forbids.
        shapes = {
            f"layer.{info.layer_id}.{name}": shape
            for info in self.layers
            for name, shape in _tensor_shapes(info, self.sequences, self.dtype).items()
        }
        for name, (dtype, shape) in sorted(shapes.items(), key=lambda item: item[1][0] == "U8"):
            size = math.prod(shape) * DTYPES[dtype].itemsize
            entries[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [offset, offset + size]}
            self._slots[name] = _Slot(offset, size // self.sequences)
            offset += size
        self._data_bytes = offset
        text = json.dumps(entries, separators=(",", ":"), ensure_ascii=True).encode()
        text += b" " * (-len(text) % 8)
        for slot in self._slots.values():
            slot.offset += 8 + len(text)
        return len(text).to_bytes(8, "little") + text

    def _metadata(self) -> dict[str, str]:
        maps: dict[str, dict[str, Any]] = {}
        for info in self.layers:
            for key, value in info.metadata().items():
                maps.setdefault(key, {})[info.layer_id] = value
        fixed = {"format": FORMAT, "version": VERSION, "model": self.model, "source": self.source}
        return {**fixed, **{key: json.dumps(value) for key, value in maps.items()}, **self.extra}

    def write(self, layer_id: str, data: Sequences) -> None:
        """Append sequences to one layer. q, k and v must be finite in the trace's type (InputError)."""
        for name in ("q", "k", "v"):
            with np.errstate(over="ignore"):
                values = getattr(data, name).astype(DTYPES[self.dtype])
            if not np.isfinite(values).all():
                raise InputError(
                    f"layer {layer_id}: {name}: expected values within {self.dtype}, found infinite or NaN"
                )
            self._append(f"layer.{layer_id}.{name}", values)
        if data.mask is not None:
            self._append(f"layer.{layer_id}.mask", pack_bits(data.mask))
        self._append(f"layer.{layer_id}.valid", pack_bits(data.valid))
        self._append(f"layer.{layer_id}.valid_q", pack_bits(data.valid_q))

    def _append(self, name: str, values: NDArray[Any]) -> None:
        slot = self._slots[name]
        count, size = len(values), values.nbytes
        if size != count * slot.bytes_per_sequence:
            raise ValueError(f"{name}: expected {slot.bytes_per_sequence} bytes a sequence, found shape {values.shape}")
        if slot.written + count > self.sequences:
            raise ValueError(f"{name}: expected {self.sequences} sequences, found more")
        view = memoryview(np.ascontiguousarray(values)).cast("B")
        position = slot.offset + slot.written * slot.bytes_per_sequence
        while view:
            done = os.pwrite(self._fd, view, position)
            view, position = view[done:], position + done
        slot.written += count

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._discard()
            if isinstance(error, OSError):
                raise InputError(f"{self.path}: cannot be written: {error.strerror}") from error
            return
        unfinished = [name for name, slot in self._slots.items() if slot.written != self.sequences]
        if unfinished:
            self._discard()
            found = self._slots[unfinished[0]].written
            raise InputError(f"{unfinished[0]}: expected {self.sequences} sequences, found {found}")
        os.close(self._fd)
        os.replace(self._temporary, self.path)

    def _discard(self) -> None:
        os.close(self._fd)
        self._temporary.unlink(missing_ok=True)


class Trace:
    """An open trace: header and metadata checked, data read sequence by sequence.

    Raises InputError `file: field: expected X, found Y` for anything that the format's page forbids.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        try:
            self._file = cast(Any, safe_open(self.path, framework="numpy"))
        except (OSError, SafetensorError) as error:
            raise InputError(f"{self.path}: expected a safetensors file, found {_one_line(error)}") from error
        self.metadata: dict[str, str] = self._file.metadata() or {}
        self._shapes: dict[str, tuple[str, tuple[int, ...]]] = {}
        for name in self._file.keys():  # noqa: SIM118
            part = self._file.get_slice(name)
            self._shapes[name] = (part.get_dtype(), tuple(part.get_shape()))
        self._check_strings()
        self.layers = {layer_id: self._layer(layer_id) for layer_id in self._ids()}
        for key in LAYER_KEYS:
            unknown = sorted(set(self._map(key)) - set(self.layers))
            self._expect(not unknown, key, f"layers among {', '.join(self.layers)}", unknown)

    def count(self, layer_id: str) -> int:
        """B, the number of a layer's sequences."""
        return self._shapes[f"layer.{layer_id}.q"][1][0]

    @property
    def sequences(self) -> int:
        """The largest number of sequences of any layer; all have the same in traces of this package."""
        return max(self.count(layer_id) for layer_id in self.layers)

    @property
    def model(self) -> str:
        return self.metadata["model"]

    @property
    def source(self) -> str:
        return self.metadata["source"]

    @property
    def dtype(self) -> str:
        """F16 or F32, of the first layer's q."""
        return self._shapes[f"layer.{next(iter(self.layers))}.q"][0]

    def _expect(self, condition: bool, what: str, expected: str, found: object) -> None:
        expect(condition, f"{self.path}: {what}", expected, found)

    def _check_strings(self) -> None:
        for key, wanted in (("format", FORMAT), ("version", VERSION)):
            found = self.metadata.get(key)
            self._expect(found == wanted, key, wanted, found)
        for key in ("model", "source"):
            self._expect(bool(self.metadata.get(key)), key, "a string that is not empty", repr(self.metadata.get(key)))
        for name in self._shapes:
            self._expect(
                TENSOR.fullmatch(name) is not None,
                "tensors",
                "layer.<id>.<q, k, v, mask, valid, valid_q>",
                name,
            )

    def _ids(self) -> list[str]:
        ids = {name.split(".")[1] for name in self._shapes}
        self._expect(len(ids) > 0, "tensors", "at least one layer", 0)
        order = {"": 0, "enc": 0, "dec": 1, "cross": 2}
        split = [(*layer_id.partition("-")[::2], layer_id) for layer_id in ids]
        decoder = {"dec", "cross"}
        return [i for n, s, i in sorted(split, key=lambda x: (x[1] in decoder, int(x[0]), order[x[1]]))]

    def _map(self, key: str) -> dict[str, Any]:
        text = self.metadata.get(key)
        if text is None:
            return {}
        try:
            value = parse_json(text)
        except ValueError as error:
            raise InputError(f"{self.path}: {key}: expected a JSON map, found {_one_line(error)}") from error
        self._expect(isinstance(value, dict), key, "a JSON map from layer id to value", type(value).__name__)
        return cast(dict[str, Any], value)

    def _shape(self, layer_id: str, name: str, rank: int) -> tuple[int, ...]:
        key = f"layer.{layer_id}.{name}"
        self._expect(key in self._shapes, key, "a tensor", "none")
        dtype, shape = self._shapes[key]
        self._expect(dtype in ("F16", "F32"), key, "F16 or F32", dtype)
        self._expect(len(shape) == rank and min(shape) > 0, key, f"{rank} positive sizes", list(shape))
        return shape

    def _layer(self, layer_id: str) -> LayerInfo:
        b, heads, queries, size = self._shape(layer_id, "q", 4)
        _, kv_heads, keys, _ = self._shape(layer_id, "k", 4)
        self._expect(heads % kv_heads == 0, f"layer.{layer_id}.k", f"a number of heads that divides {heads}", kv_heads)
        has_mask = f"layer.{layer_id}.mask" in self._shapes
        values: Any = {key: self._map(key).get(layer_id) for key in LAYER_KEYS}
        for key in ("causal", "scaling", *(("policy", "empty_row") if has_mask else ())):
            self._expect(values[key] is not None, f"{key} of layer {layer_id}", "a value", None)
        if not has_mask:
            values["policy"] = values["empty_row"] = None
        info = LayerInfo(layer_id, heads, kv_heads, queries, keys, size, **values)
        self._check_values(info)
        for name, (dtype, shape) in _tensor_shapes(info, b, "F16").items():
            key = f"layer.{layer_id}.{name}"
            if name == "valid_q" and key not in self._shapes:
                continue
            self._expect(key in self._shapes, key, "a tensor", "none")
            self._expect(self._shapes[key][1] == shape, key, f"shape {list(shape)}", list(self._shapes[key][1]))
            self._expect((self._shapes[key][0] == "U8") == (dtype == "U8"), key, dtype, self._shapes[key][0])
        return info

    def _check_values(self, info: LayerInfo) -> None:
        where = f"of layer {info.layer_id}"
        self._expect(isinstance(info.causal, bool), f"causal {where}", "true or false", info.causal)
        self._expect(_in_range(info.scaling), f"scaling {where}", "a number in 1e-9 .. 1e9", info.scaling)
        square = not info.causal or (info.queries == info.keys and not info.cross)
        self._expect(square, f"causal {where}", "false unless there are as many keys as queries", info.causal)
        if info.policy is None:
            return
        self._expect(POLICY.fullmatch(str(info.policy)) is not None, f"policy {where}", "a policy", info.policy)
        known = info.empty_row in EMPTY_ROW_POLICIES
        self._expect(known, f"empty_row {where}", "dense, zero or top1", info.empty_row)
        if info.policy == "sanger":
            self._expect(info.bits in BITS, f"bits {where}", "2, 4, 6 or 8", info.bits)
            for key in ("quant_q", "quant_k"):
                value = getattr(info, key)
                self._expect(_in_range(value), f"{key} {where}", "a number in 1e-9 .. 1e9", value)
            limits: list[Any] = info.threshold if isinstance(info.threshold, list) else [info.threshold] * info.heads
            fits = len(limits) == info.heads and all(_number(t) and 0 <= t < 1 for t in limits)
            self._expect(fits, f"threshold {where}", f"a number in [0, 1) or {info.heads} of them", info.threshold)

    def read(self, layer_id: str, sequence: int) -> Sequences:
        """One sequence of a layer (arrays keep a leading axis of 1), its data checked."""
        info = self.layers[layer_id]
        part = {
            name: self._file.get_slice(f"layer.{layer_id}.{name}")[sequence : sequence + 1]
            for name in ("q", "k", "v", "mask", "valid", "valid_q")
            if f"layer.{layer_id}.{name}" in self._shapes
        }
        valid = self._bits(part["valid"], info.keys, f"layer.{layer_id}.valid")
        if "valid_q" in part:
            valid_q = self._bits(part["valid_q"], info.queries, f"layer.{layer_id}.valid_q")
        else:
            same = info.queries == info.keys and not info.cross
            valid_q = valid if same else np.ones((1, info.queries), bool)
        mask = self._bits(part["mask"], info.keys, f"layer.{layer_id}.mask") if "mask" in part else None
        data = Sequences(part["q"], part["k"], part["v"], mask, valid, valid_q)
        for name in ("q", "k", "v"):
            finite = bool(np.isfinite(part[name]).all())
            self._expect(finite, f"layer.{layer_id}.{name}", "finite values", "infinite or NaN")
        if mask is not None:
            self._check_mask(info, data, mask)
        return data

    def _check_mask(self, info: LayerInfo, data: Sequences, mask: Bools) -> None:
        where, allowed = f"layer.{info.layer_id}.mask", allowed_positions(info, data)
        stray = int((mask & ~allowed).sum())
        self._expect(stray == 0, where, "bits on allowed keys only", f"{stray} on others")
        if info.empty_row != "zero":
            empty = int((data.valid_q[:, None, :] & allowed.any(axis=-1) & ~mask.any(axis=-1)).sum())
            self._expect(empty == 0, where, f"a key in every row under {info.empty_row}", f"{empty} empty rows")

    def _bits(self, packed: NDArray[np.uint8], n: int, where: str) -> Bools:
        bits = unpack_bits(packed, packed.shape[-1] * 8)
        self._expect(not bits[..., n:].any(), where, f"no bits beyond {n}", "some")
        return bits[..., :n]

    def validate(self) -> None:
        """Read everything once."""
        for layer_id in self.layers:
            for sequence in range(self.count(layer_id)):
                self.read(layer_id, sequence)


LAYER_KEYS = ("causal", "scaling", "policy", "empty_row", "threshold", "bits", "quant_q", "quant_k")


def allowed_positions(info: LayerInfo, data: Sequences) -> Bools:
    """Keys that are no padding and, in a causal layer, not in the future: bool [b,1,L,M]."""
    allowed = np.broadcast_to(data.valid[:, None, None, :], (len(data.valid), 1, info.queries, info.keys))
    return allowed & np.tri(info.queries, info.keys, dtype=bool) if info.causal else allowed.copy()


def _number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _in_range(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 1e-9 <= value <= 1e9


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
