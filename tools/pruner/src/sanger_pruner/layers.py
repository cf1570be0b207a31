"""Which modules of a model call transformers' attention interface, and what a trace calls their layers."""

from __future__ import annotations

import inspect
import re
from collections import Counter
from dataclasses import dataclass

from torch import nn

from .errors import InputError

CROSS_NAMES = {"encoder_attn", "crossattention", "cross_attn", "cross_attention", "encdecattention"}


@dataclass(frozen=True)
class AttentionLayer:
    """One attention module: where it is, its id in traces (`3`, `3-enc`, `3-dec`, `3-cross`), its query heads."""

    name: str
    module: nn.Module
    layer_id: str
    heads: int


def calls_interface(module: nn.Module) -> bool:
    """Whether the module's forward looks attention up in the interface, read from its compiled names.

    No list of class names is needed, so that models which transformers gains later are found too.
    """
    forward = inspect.unwrap(type(module).forward)
    code = getattr(forward, "__code__", None)
    return code is not None and "ALL_ATTENTION_FUNCTIONS" in code.co_names


def is_cross(name: str, module: nn.Module) -> bool:
    """Whether keys come from another sequence than queries."""
    if getattr(module, "is_cross_attention", False) or "CrossAttention" in type(module).__name__:
        return True
    return any(part.lower() in CROSS_NAMES for part in name.split("."))


def query_heads(name: str, module: nn.Module) -> int:
    """H, from the attributes that attention modules or their configurations carry."""
    for owner in (module, getattr(module, "config", None)):
        for attribute in ("num_heads", "num_attention_heads", "n_heads", "n_head", "encoder_attention_heads"):
            value = getattr(owner, attribute, None)
            if isinstance(value, int):
                return value
    raise InputError(f"{name}: expected an attention module that says its number of heads, found none")


def _suffix(name: str, module: nn.Module, two_stacks: bool) -> str:
    if not two_stacks:
        return ""
    if is_cross(name, module):
        return "-cross"
    stacks = [part for part in name.split(".") if part in ("encoder", "decoder")]
    decodes = getattr(module, "is_decoder", False) or not stacks or stacks[0] == "decoder"
    return "-dec" if decodes else "-enc"


def find_layers(model: nn.Module) -> list[AttentionLayer]:
    """Every attention layer in module order. InputError if there is none."""
    found = [(name, module) for name, module in model.named_modules() if calls_interface(module)]
    if not found:
        raise InputError(
            f"{type(model).__name__}: expected layers that use transformers' attention interface, found none"
        )
    two_stacks = any(is_cross(name, module) for name, module in found)
    suffixes = [_suffix(name, module, two_stacks) for name, module in found]
    numbers = [re.search(r"(?:^|\.)(\d+)(?:\.|$)", name) for name, _ in found]
    ids = [(m.group(1) if m else "") + s for m, s in zip(numbers, suffixes, strict=True)]
    if None in numbers or len(set(ids)) < len(ids):
        ids = _count(suffixes)
    return [
        AttentionLayer(name, module, layer_id, query_heads(name, module))
        for (name, module), layer_id in zip(found, ids, strict=True)
    ]


def _count(suffixes: list[str]) -> list[str]:
    """Numbers in module order, for models whose names do not number their layers."""
    seen: Counter[str] = Counter()
    ids = []
    for suffix in suffixes:
        ids.append(f"{seen[suffix]}{suffix}")
        seen[suffix] += 1
    return ids
