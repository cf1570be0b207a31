#!/usr/bin/env python3
"""Make small random BERT, GPT-2 and BART models with tokenisers trained on the samples, for trying the command.

python tools/pruner/samples/tiny_models.py FOLDER        # FOLDER/bert, FOLDER/gpt2, FOLDER/bart
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

SAMPLES = Path(__file__).resolve().parent
KINDS = ("bert", "gpt2", "bart")
POSITIONS = 128
VOCABULARY = 400


def sample_texts() -> Iterator[str]:
    """Every line of every sample."""
    for path in sorted(SAMPLES.rglob("*")):
        if path.suffix in (".json", ".jsonl", ".tsv"):
            text = path.read_text(encoding="utf-8")
            yield from (json.dumps(json.loads(text)) if path.suffix == ".json" else text).splitlines()


def wordpiece() -> Any:
    """A tokeniser of BERT's kind."""
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(vocab_size=VOCABULARY, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator(sample_texts(), trainer)
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    names = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), special, strict=True))
    inputs = ["input_ids", "token_type_ids", "attention_mask"]
    return transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_input_names=inputs, **names)


def byte_pairs(special: list[str], **names: str) -> Any:
    """A byte-level tokeniser, of GPT-2's and BART's kind."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=special,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(sample_texts(), trainer)
    if "sep_token" in names:
        tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    else:
        tokenizer.post_processor = processors.ByteLevel(trim_offsets=True)
    inputs = ["input_ids", "attention_mask"]
    return transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_input_names=inputs, **names)


def build_bert() -> tuple[Any, Any]:
    tokenizer = wordpiece()
    config = transformers.BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=POSITIONS,
        initializer_range=0.2,
    )
    return transformers.BertForMaskedLM(config), tokenizer


def build_gpt2() -> tuple[Any, Any]:
    end = "<|endoftext|>"
    tokenizer = byte_pairs([end], bos_token=end, eos_token=end, unk_token=end)
    config = transformers.GPT2Config(
        vocab_size=len(tokenizer),
        n_positions=POSITIONS,
        n_embd=32,
        n_layer=2,
        n_head=2,
        initializer_range=0.2,
        bos_token_id=0,
        eos_token_id=0,
    )
    return transformers.GPT2LMHeadModel(config), tokenizer


def build_bart() -> tuple[Any, Any]:
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    names = {"bos_token": "<s>", "cls_token": "<s>", "pad_token": "<pad>", "eos_token": "</s>", "sep_token": "</s>"}
    tokenizer = byte_pairs(special, unk_token="<unk>", mask_token="<mask>", **names)
    sides = {
        f"{side}_{name}": value
        for side in ("encoder", "decoder")
        for name, value in (("layers", 1), ("attention_heads", 2), ("ffn_dim", 64))
    }
    config = transformers.BartConfig(
        vocab_size=len(tokenizer),
        d_model=32,
        max_position_embeddings=POSITIONS,
        init_std=0.2,
        bos_token_id=0,
        pad_token_id=1,
        eos_token_id=2,
        decoder_start_token_id=2,
        forced_eos_token_id=None,
        **sides,
    )
    return transformers.BartForConditionalGeneration(config), tokenizer


def write_tiny_model(kind: str, folder: Path, seed: int = 0) -> Path:
    """A folder with model and tokeniser of that kind."""
    torch.manual_seed(seed)
    model, tokenizer = {"bert": build_bert, "gpt2": build_gpt2, "bart": build_bart}[kind]()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    for kind in KINDS:
        print(write_tiny_model(kind, Path(sys.argv[1]) / kind))
    return 0


if __name__ == "__main__":
    sys.exit(main())
