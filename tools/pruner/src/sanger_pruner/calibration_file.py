"""The JSON file in which `calibrate` keeps thresholds and quantiser ranges, and `export` and `measure` find them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from .attachment import states
from .errors import InputError, expect
from .files import read_json, write_json

FORMAT, VERSION = "sanger-calibration", 1


def write_calibration(path: Path, model: nn.Module, about: dict[str, Any]) -> None:
    """Write ranges and thresholds of an attached model, and `about` it."""
    layers = states(model)
    config = next(iter(layers.values())).config
    thresholds = {i: s.thresholds().tolist() for i, s in layers.items()} if config.thresholded else {}
    write_json(
        path,
        {
            "format": FORMAT,
            "version": VERSION,
            **about,
            "config": config.to_dict(),
            "thresholds": thresholds,
            "quant_q": {i: float(s.quant_q) for i, s in layers.items()},
            "quant_k": {i: float(s.quant_k) for i, s in layers.items()},
        },
    )


def load_calibration(model: nn.Module, path: Path) -> None:
    """Put a file's ranges and thresholds on an attached model. The file must fit it: same layers, same bits."""
    values = read_json(path)
    expect(isinstance(values, dict) and values.get("format") == FORMAT, f"{path}: format", FORMAT, _format(values))
    expect(values.get("version") == VERSION, f"{path}: version", str(VERSION), values.get("version"))
    layers = states(model)
    config = next(iter(layers.values())).config
    found_bits = values.get("config", {}).get("bits")
    expect(found_bits == config.bits, f"{path}: bits", f"the model's, {config.bits}", found_bits)
    for key in ("quant_q", "quant_k", *(("thresholds",) if values.get("thresholds") else ())):
        entries = values.get(key)
        same = isinstance(entries, dict) and set(entries) == set(layers)
        expect(same, f"{path}: {key}", f"layers {', '.join(layers)}", list(entries or ()))
        for layer_id, state in layers.items():
            try:
                value = torch.as_tensor(entries[layer_id], dtype=torch.float64)
                if key == "thresholds":
                    state.set_thresholds(value.tolist())
                else:
                    getattr(state, key).copy_(value)
            except (TypeError, ValueError, RuntimeError) as error:
                raise InputError(f"{path}: {key} of layer {layer_id}: {error}") from error


def _format(values: Any) -> Any:
    return values.get("format") if isinstance(values, dict) else type(values).__name__
