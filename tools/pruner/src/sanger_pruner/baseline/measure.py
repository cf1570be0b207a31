"""Timing every row: medians and quartiles of torch.utils.benchmark, or the reason why a row was not measured."""

from __future__ import annotations

import platform
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend
from torch.utils import benchmark

from ..static_patterns import make_pattern, pattern_mask
from .attention import Call, csr, dense, flex, random_qkv, with_projections
from .sizes import Size

BACKENDS = {
    "cpu": (SDPBackend.FLASH_ATTENTION, SDPBackend.MATH),
    "cuda": (
        SDPBackend.FLASH_ATTENTION,
        SDPBackend.EFFICIENT_ATTENTION,
        SDPBackend.CUDNN_ATTENTION,
        SDPBackend.MATH,
    ),
}
NOT_MEASURED = "not measured"
LEAST_BLOCKS = 5
"""Blocks of runs behind each median: quartiles of fewer say nothing."""


@dataclass(frozen=True)
class Plan:
    """What is timed: layers, lengths, static patterns for the sparse rows, devices, threads, least seconds a row."""

    sizes: tuple[Size, ...]
    lengths: tuple[int, ...]
    patterns: tuple[str, ...]
    devices: tuple[str, ...]
    threads: int
    seconds: float
    flex: bool = True


@dataclass(frozen=True)
class Row:
    """One way to compute attention: `make` builds the call, with everything that is not to be timed."""

    method: str
    projections: bool
    mask: str
    density: float
    make: Callable[[], Call]


def processor() -> str:
    """The CPU's name, as the system gives it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def device_name(device: str) -> str | None:
    """The device's name, None where there is none."""
    if device == "cpu":
        return processor()
    return torch.cuda.get_device_name() if torch.cuda.is_available() else None


def layer_mask(size: Size, length: int, pattern: str) -> Tensor:
    """The positions that a static pattern keeps in the layer, bool [H,L,L], the future left out if it is causal."""
    mask = torch.from_numpy(pattern_mask(make_pattern(pattern), size.heads, length, length).copy())
    return mask.tril() if size.causal else mask


def rows(size: Size, length: int, device: str, plan: Plan) -> Iterator[Row]:
    """Every row of a layer, length and device."""
    dtype = torch.float16 if device == "cuda" else torch.float32
    q, k, v = random_qkv(size, length, torch.device(device), dtype)
    causal = layer_mask(size, length, "dense").float().mean().item()
    for backend in BACKENDS[device]:
        name, mask = f"sdpa {backend.name.lower()}", "causal" if size.causal else "dense"
        yield Row(name, False, mask, causal, lambda b=backend: dense(q, k, v, size.causal, b))  # type: ignore[misc]
        yield Row(name, True, mask, causal, lambda b=backend: with_projections(size, length, q, b))  # type: ignore[misc]
    wide = (q.float(), k.float(), v.float())
    for pattern in plan.patterns:
        kept = layer_mask(size, length, pattern)
        density = kept.float().mean().item()
        # cuSPARSE's sampled product takes no float16.
        yield Row("csr", False, pattern, density, lambda m=kept: csr(*wide, m))  # type: ignore[misc]
        if plan.flex:
            yield Row("flex", False, pattern, density, lambda m=kept: flex(q, k, v, m))  # type: ignore[misc]


def time_call(make: Callable[[], Call], threads: int, seconds: float) -> dict[str, Any]:
    """Median and quartiles in ms; where building or running fails, that line as the reason."""
    try:
        with torch.inference_mode():
            call = make()
            dtype = str(call().dtype).removeprefix("torch.")
            timer = benchmark.Timer("call()", globals={"call": call}, num_threads=threads)
            times: list[float] = []
            while len(times) < LEAST_BLOCKS:
                times += timer.blocked_autorange(min_run_time=seconds).times
    except Exception as error:
        # Compilers and vendor libraries fail in ways of their own; each is a reason to report, not to stop.
        text = " ".join(str(error).split()) or type(error).__name__
        return {"status": NOT_MEASURED, "reason": text[:200]}
    low, middle, high = statistics.quantiles([1e3 * t for t in times], n=4, method="inclusive")
    return {
        "status": "measured",
        "dtype": dtype,
        "median_ms": middle,
        "iqr_ms": high - low,
        "q1_ms": low,
        "q3_ms": high,
        "blocks": len(times),
    }


def measure_device(device: str, plan: Plan, tell: Callable[[str], None]) -> list[dict[str, Any]]:
    """All rows of a device; one that is not there gives a single row that says so."""
    if device_name(device) is None:
        tell(f"{device}: {NOT_MEASURED}, no such device")
        return [{"device": device, "status": NOT_MEASURED, "reason": "no such device"}]
    found = []
    for size in plan.sizes:
        for length in plan.lengths:
            for row in rows(size, length, device, plan):
                about = {"device": device, "model": size.name, "length": length, "method": row.method}
                about |= {"projections": row.projections, "mask": row.mask, "density": round(row.density, 6)}
                figures = time_call(row.make, plan.threads, plan.seconds)
                found.append({**about, **figures})
                tell(describe(found[-1]))
    return found


def describe(row: dict[str, Any]) -> str:
    """A row as a line."""
    method = row["method"] + (" + projections" if row["projections"] else "")
    begin = f"{row['device']} {row['model']:<18} {row['length']:>4} {method:<36} {row['mask']:<12}"
    if row["status"] == NOT_MEASURED:
        return f"{begin} {NOT_MEASURED}: {row['reason'][:60]}"
    return f"{begin} {row['median_ms']:10.4f} ms, IQR {row['iqr_ms']:.4f}"


def measure(plan: Plan, tell: Callable[[str], None]) -> dict[str, Any]:
    """The whole report: machine, settings, and a row per measurement, made or not."""
    for pattern in plan.patterns:
        make_pattern(pattern)
    return {
        "devices": {device: device_name(device) or NOT_MEASURED for device in plan.devices},
        "threads": plan.threads,
        "torch": torch.__version__,
        "batch": 1,
        "dropout": 0,
        "min_run_time_s": plan.seconds,
        "rows": [row for device in plan.devices for row in measure_device(device, plan, tell)],
    }
