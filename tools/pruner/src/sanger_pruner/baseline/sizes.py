"""The attention layers that are timed: one layer of each published model, one sequence."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    """One attention layer. `causal` is that of its self-attention; a BART decoder's differs from its encoder's."""

    name: str
    hidden: int
    heads: int
    causal: bool

    @property
    def head_width(self) -> int:
        return self.hidden // self.heads


SIZES = {
    size.name: size
    for size in (
        Size("bert-base", 768, 12, False),
        Size("bert-large", 1024, 16, False),
        Size("gpt2-small", 768, 12, True),
        Size("gpt2-medium", 1024, 16, True),
        Size("bart-base-encoder", 768, 12, False),
        Size("bart-base-decoder", 768, 12, True),
        Size("bart-large-encoder", 1024, 16, False),
        Size("bart-large-decoder", 1024, 16, True),
    )
}
LENGTHS = (128, 384, 512)
