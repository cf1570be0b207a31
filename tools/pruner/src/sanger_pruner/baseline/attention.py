"""Ways to compute attention that are timed, each a function without arguments over tensors made beforehand.

q, k, v are [1,H,L,d]; projections take x [1,L,H*d] through one fused layer for q, k and v, and one for the output.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from .sizes import Size

Call = Callable[[], Tensor]
Mask = Tensor


def random_qkv(size: Size, length: int, device: torch.device, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    """Normal q, k, v: [1,H,L,d] each, from a fixed seed."""
    generator = torch.Generator().manual_seed(0)
    shape = (3, 1, size.heads, length, size.head_width)
    q, k, v = torch.randn(shape, generator=generator).to(device, dtype)
    return q, k, v


def dense(q: Tensor, k: Tensor, v: Tensor, causal: bool, backend: SDPBackend) -> Call:
    """scaled_dot_product_attention, held to one backend."""

    def call() -> Tensor:
        with sdpa_kernel(backend):
            found: Tensor = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=causal)
        return found

    return call


def with_projections(size: Size, length: int, like: Tensor, backend: SDPBackend) -> Call:
    """The same between its linear layers, as a model runs it; device and type are those of `like`."""
    torch.manual_seed(0)
    project = nn.Linear(size.hidden, 3 * size.hidden).to(like.device, like.dtype)
    output = nn.Linear(size.hidden, size.hidden).to(like.device, like.dtype)
    x = torch.randn(1, length, size.hidden).to(like.device, like.dtype)

    def call() -> Tensor:
        q, k, v = project(x).view(1, length, 3, size.heads, size.head_width).permute(2, 0, 3, 1, 4)
        with sdpa_kernel(backend):
            found = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=size.causal)
        result: Tensor = output(found.transpose(1, 2).reshape(1, length, size.hidden))
        return result

    return call


def csr(q: Tensor, k: Tensor, v: Tensor, mask: Mask) -> Call:
    """Attention over the kept positions only: sampled_addmm, a softmax over each row's values, and sparse.mm.

    mask bool [H,L,L]. All heads are one block-diagonal CSR matrix [H*L, H*L], so that each step is one call and heads
    may keep different numbers of keys. Output [H*L, d]. A row that keeps nothing gives zeros.
    """
    heads, length, _ = mask.shape
    rows, crow, columns = block_diagonal(mask.to(q.device))
    total = heads * length
    flat_q, flat_v = (x.reshape(total, -1).contiguous() for x in (q, v))
    flat_k = k.reshape(total, -1).t().contiguous()
    zeros = torch.zeros(len(columns), device=q.device, dtype=q.dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that CSR is in beta
        pattern = torch.sparse_csr_tensor(crow, columns, zeros, (total, total), check_invariants=True)
    scale = q.shape[-1] ** -0.5

    def call() -> Tensor:
        scores = torch.sparse.sampled_addmm(pattern, flat_q, flat_k, beta=0.0, alpha=scale)
        weights = row_softmax(scores.values(), rows, total)
        probabilities = torch.sparse_csr_tensor(crow, columns, weights, (total, total), check_invariants=False)
        result: Tensor = torch.sparse.mm(probabilities, flat_v)
        return result

    return call


def block_diagonal(mask: Mask) -> tuple[Tensor, Tensor, Tensor]:
    """Row of each kept position [N], CSR row pointers [H*L+1] and columns [N], int64, of bool [H,L,L]."""
    length = mask.shape[-1]
    head, row, column = mask.nonzero(as_tuple=True)
    counts = mask.sum(-1).flatten()
    crow = nn.functional.pad(counts.cumsum(0), (1, 0))
    return head * length + row, crow, head * length + column


def row_softmax(values: Tensor, rows: Tensor, total: int) -> Tensor:
    """Softmax within each row, of values [N] that belong to `rows` [N]. torch's own sparse softmax takes no CSR."""
    peak = torch.full((total,), -torch.inf, device=values.device, dtype=values.dtype)
    peak = peak.scatter_reduce(0, rows, values, "amax")
    weights = (values - peak[rows]).exp()
    sums = torch.zeros(total, device=values.device, dtype=values.dtype).index_add(0, rows, weights)
    return weights / sums[rows]


def flex(q: Tensor, k: Tensor, v: Tensor, mask: Mask, compiled: bool = True) -> Call:
    """FlexAttention with a block mask of bool [H,L,L]; it is fast only when compiled."""
    from torch.nn.attention.flex_attention import create_block_mask, flex_attention

    kept = mask.to(q.device)

    def mask_mod(b: Tensor, h: Tensor, row: Tensor, column: Tensor) -> Tensor:
        return kept[h, row, column]

    heads, length, _ = mask.shape
    blocks = create_block_mask(mask_mod, 1, heads, length, length, device=q.device)
    function: Any = compile_alone(flex_attention) if compiled else flex_attention

    def call() -> Tensor:
        found: Tensor = function(q, k, v, block_mask=blocks)
        return found

    return call


def compile_alone(function: Any) -> Any:
    """torch.compile for one shape, in this process: every shape a fresh start, since a function that was compiled for
    many would silently go uncompiled."""
    import torch._dynamo
    import torch._inductor.config as inductor

    torch._dynamo.reset()
    inductor.compile_threads = 1
    return torch.compile(function, dynamic=False, fullgraph=True)
