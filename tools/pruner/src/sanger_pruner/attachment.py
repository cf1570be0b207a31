"""Putting pruned attention on a model, taking it off, calibrating it, watching it, saving and loading it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import safe_open
from torch import nn

from .attention import NAME, STATE
from .config import PrunerConfig
from .errors import InputError
from .layers import find_layers
from .state import Observer, PrunerState

Model = TypeVar("Model", bound=nn.Module)
CONFIG_KEY = "sanger_pruner"
BEFORE_KEY = "_sanger_pruner_before"


def attach(model: Model, config: PrunerConfig | None = None) -> Model:
    """Prune the attention of a transformers model, in place, and return it.

    Works on every model whose layers use transformers' attention interface. Attaching again replaces the policy but
    keeps ranges that were calibrated. Raises InputError where the model has no such layer.
    """
    config = config or PrunerConfig()
    layers = find_layers(model)
    before = {name: state.state_dict() for name, state in _named_states(model)}
    for index, layer in enumerate(layers):
        state = PrunerState(config, layer.heads, layer.layer_id, index)
        _keep_ranges(state, before.get(layer.name))
        state.to(next(layer.module.parameters()).device)
        state.train(layer.module.training)
        setattr(layer.module, STATE, state)
    host: Any = model
    if getattr(host, BEFORE_KEY, None) is None:
        setattr(host, BEFORE_KEY, host.config._attn_implementation)
    host.set_attn_implementation(NAME)
    setattr(host.config, CONFIG_KEY, config.to_dict())
    return model


def _keep_ranges(state: PrunerState, before: Mapping[str, Any] | None) -> None:
    if before is not None:
        state.quant_q.copy_(before["quant_q"])
        state.quant_k.copy_(before["quant_k"])


def detach(model: Model) -> Model:
    """Undo `attach`: the attention implementation from before, no state left."""
    for layer in find_layers(model):
        if hasattr(layer.module, STATE):
            delattr(layer.module, STATE)
    host: Any = model
    before = getattr(host, BEFORE_KEY, None)
    if before is not None:
        host.set_attn_implementation(before)
        delattr(host, BEFORE_KEY)
    if hasattr(host.config, CONFIG_KEY):
        delattr(host.config, CONFIG_KEY)
    return model


def _named_states(model: nn.Module) -> list[tuple[str, PrunerState]]:
    """Attention module name and its state, in module order."""
    suffix = f".{STATE}"
    return [
        (name.removesuffix(suffix), module) for name, module in model.named_modules() if isinstance(module, PrunerState)
    ]


def states(model: nn.Module) -> dict[str, PrunerState]:
    """Layer id -> state, in module order. InputError if nothing is attached."""
    found = {state.layer_id: state for _, state in _named_states(model)}
    if not found:
        raise InputError(f"{type(model).__name__}: expected attached pruning, found none; call attach first")
    return found


@contextmanager
def calibrating(model: nn.Module) -> Iterator[nn.Module]:
    """Inside, ranges become the largest |x| of everything that the model is run on, in eval mode too.

    Starts from 0. Unlike the running maximum of training it does not depend on the order of batches.
    """
    all_states = list(states(model).values())
    for state in all_states:
        state.forget_ranges()
        state.calibrating = True
    try:
        yield model
    finally:
        for state in all_states:
            state.calibrating = False


@contextmanager
def observing(model: nn.Module, observer: Observer, storage: torch.dtype | None = None) -> Iterator[nn.Module]:
    """Inside, `observer` gets every LayerCall.

    With `storage` (float16 or float32), q, k and v go through that type before anything is computed from them: the
    model then runs on exactly the values that a trace of that type holds.
    """
    all_states = list(states(model).values())
    with ExitStack() as stack:
        for state in all_states:
            stack.callback(_restore, state, state.observer, state.storage)
            state.observer, state.storage = observer, storage
        yield model


def _restore(state: PrunerState, observer: Observer | None, storage: torch.dtype | None) -> None:
    state.observer, state.storage = observer, storage


@contextmanager
def overriding(model: nn.Module, config: PrunerConfig) -> Iterator[nn.Module]:
    """Inside, another policy prunes, with the same ranges and thresholds: PrunerConfig("dense") for a reference."""
    before = {id(state): state.config for state in states(model).values()}
    try:
        for state in states(model).values():
            state.config = config
        yield model
    finally:
        for state in states(model).values():
            state.config = before[id(state)]


def set_thresholds(model: nn.Module, thresholds: float | Mapping[str, float | list[float]]) -> None:
    """One threshold for all layers, or by layer id one for the layer or one per head."""
    layers = states(model)
    if not isinstance(thresholds, Mapping):
        thresholds = dict.fromkeys(layers, thresholds)
    for layer_id, value in thresholds.items():
        if layer_id not in layers:
            raise InputError(f"thresholds: expected layers among {', '.join(layers)}, found {layer_id!r}")
        layers[layer_id].set_thresholds(value)


def attach_saved(model: Model, directory: str | Path) -> Model:
    """Attach what a model had when `save_pretrained` wrote it to `directory`: policy, ranges, thresholds.

    `from_pretrained` itself restores the weights only, since it builds the model without the pruner's modules.
    """
    folder = Path(directory)
    settings = json.loads((folder / "config.json").read_text(encoding="utf-8")).get(CONFIG_KEY)
    if settings is None:
        raise InputError(f"{folder / 'config.json'}: {CONFIG_KEY}: expected a saved pruner configuration, found none")
    attach(model, PrunerConfig.from_dict(settings))
    values = _saved_state(folder)
    wanted = {name for name in model.state_dict() if f".{STATE}." in name}
    missing = sorted(wanted - values.keys())
    if missing:
        raise InputError(f"{folder}: expected pruner state for every layer, found none for {missing[0]}")
    model.load_state_dict({name: values[name] for name in wanted}, strict=False)
    return model


def _saved_state(folder: Path) -> dict[str, torch.Tensor]:
    values = {}
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, framework="pt") as file:
            values.update({name: file.get_tensor(name) for name in file.keys() if f".{STATE}." in name})  # noqa: SIM118
    return values
