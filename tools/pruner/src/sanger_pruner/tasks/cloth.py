"""CLOTH (Xie et al., EMNLP 2018): passages with blanks, four options for each.

A model reads the passage with a mask token in place of each blank. An option scores the mean log-probability of its
tokens where the blank is. Masked models predict it at the blank, encoder-decoders at the decoder's position for it.
Causal models see what is to its left: they read `_` for a blank and predict it one position before, or at it where a
feature begins with a blank. The loss is the cross-entropy over the four scores.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import torch
from torch import Tensor, nn
from transformers import MODEL_FOR_MASKED_LM_MAPPING

from ..errors import InputError, expect
from ..files import read_json
from ..load import special_tokens
from .base import Batch, Output, Prepared, Record, Task, label_of, local_records, model_inputs, pad, read_hub

LETTERS = "ABCD"
BLANK = "_"
NO_TOKEN = -1
"""Fills options shorter than the longest of a batch, and blanks that a row does not have."""


class Cloth(Task):
    """Blanks; scored by accuracy over all blanks."""

    name = "cloth"
    hub = None
    main_metric = "accuracy"

    def read(self, source: str | Path | None, split: str) -> list[Record]:
        """A folder of the published files (one passage each, sub-folders included), or one file."""
        if source is None:
            records, where = read_hub(self.hub, self.subset, split), str(self.hub)
        else:
            records, where = read_local(Path(source)), str(source)
        expect(len(records) > 0, where, "at least one passage", "none")
        return [check_passage(record, f"{where}: passage {i}") for i, record in enumerate(records, start=1)]

    def model_class(self, config: Any) -> tuple[str, dict[str, Any]]:
        if config.is_encoder_decoder:
            return "AutoModelForSeq2SeqLM", {}
        return ("AutoModelForCausalLM" if predicts_next(config) else "AutoModelForMaskedLM"), {}

    def prepare(self, records: list[Record], tokenizer: Any, length: int, stride: int = 0) -> Prepared:
        """Passages longer than `length` become several features; a blank is asked in the one where it is most
        central."""
        rows, notes = [], []
        room = length - sum(len(side) for side in special_tokens(tokenizer))
        for number, record in enumerate(records):
            ids, blanks = encode_passage(record["article"], tokenizer)
            options = [[option_ids(option, tokenizer) for option in four] for four in record["options"]]
            for window, chosen in windows(len(ids), blanks, room):
                inputs, places = build_row(ids[window], [blanks[i] - window.start for i in chosen], tokenizer)
                answers = [record["answers"][i] for i in chosen]
                rows.append({**inputs, "blanks": places, "options": [options[i] for i in chosen], "answers": answers})
                notes.append((number, chosen))
        return Prepared(datasets.Dataset.from_list(rows), records, notes)

    def collate(self, rows: list[dict[str, Any]], tokenizer: Any, length: int) -> Batch:
        """Beside the tokens: blanks [B, K], options [B, K, 4, T] and answers [B, K], filled up with -1."""
        most = max(len(row["blanks"]) for row in rows)
        longest = max(len(option) for row in rows for four in row["options"] for option in four)
        blanks = torch.full((len(rows), most), NO_TOKEN)
        options = torch.full((len(rows), most, len(LETTERS), longest), NO_TOKEN)
        answers = torch.full((len(rows), most), NO_TOKEN)
        for i, row in enumerate(rows):
            blanks[i, : len(row["blanks"])] = torch.tensor(row["blanks"])
            answers[i, : len(row["answers"])] = torch.tensor(row["answers"])
            for j, four in enumerate(row["options"]):
                for k, option in enumerate(four):
                    options[i, j, k, : len(option)] = torch.tensor(option)
        return {**pad(rows, tokenizer, length), "blanks": blanks, "options": options, "answers": answers}

    def run(self, model: nn.Module, batch: Batch) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Outputs are scores [B, K, 4] and answers [B, K]."""
        logits = model(**model_inputs(model, batch)).logits
        places = batch["blanks"] - (1 if predicts_next(model.config) else 0)
        scores = option_scores(logits, places.clamp_min(0), batch["options"])
        loss = nn.functional.cross_entropy(scores.flatten(0, 1), batch["answers"].flatten(), ignore_index=NO_TOKEN)
        return loss, (scores, batch["answers"])

    def score(self, prepared: Prepared, outputs: list[Output]) -> dict[str, float]:
        correct = [(scores.argmax(axis=-1) == answers)[answers != NO_TOKEN] for scores, answers in outputs]
        return {"accuracy": float(np.concatenate(correct).mean())}


def read_local(path: Path) -> list[Record]:
    """Passages of a folder or a file."""
    if path.is_dir():
        return [read_json(file) for file in sorted(path.rglob("*.json"))]
    expect(path.is_file(), str(path), "a folder or a file", "none")
    if path.suffix == ".json":
        content = read_json(path)
        return content if isinstance(content, list) else [content]
    return local_records(path)


def check_passage(record: Any, where: str) -> Record:
    """The passage with answers as numbers; InputError unless blanks, options and answers are equally many."""
    fields = ("article", "options", "answers")
    expect(
        isinstance(record, dict) and all(f in record for f in fields), where, f"fields {', '.join(fields)}", "others"
    )
    article, options, answers = (record[name] for name in fields)
    expect(isinstance(article, str), where, "an article of text", type(article).__name__)
    blanks = article.count(BLANK)
    found = f"{len(options)} and {len(answers)}"
    expect(blanks > 0, where, "at least one blank (_)", "none")
    expect(len(options) == len(answers) == blanks, where, f"options and answers for {blanks} blanks", found)
    if any(len(four) != len(LETTERS) for four in options):
        raise InputError(f"{where}: options: expected four per blank, found {sorted({len(four) for four in options})}")
    return {"article": article, "options": options, "answers": [label_of(a, LETTERS, where) for a in answers]}


def blank_ids(tokenizer: Any) -> list[int]:
    """The mask token, or the tokens of `_` where there is none."""
    if tokenizer.mask_token_id is not None:
        return [tokenizer.mask_token_id]
    return list(tokenizer(f" {BLANK}", add_special_tokens=False)["input_ids"])


def encode_passage(article: str, tokenizer: Any) -> tuple[list[int], list[int]]:
    """Token ids of the passage without special tokens, and where each blank's first token is."""
    parts = [part.rstrip() for part in article.split(BLANK)]
    encoded = [tokenizer(part, add_special_tokens=False, verbose=False)["input_ids"] if part else [] for part in parts]
    ids, blanks = list(encoded[0]), []
    for part in encoded[1:]:
        blanks.append(len(ids))
        ids += [*blank_ids(tokenizer), *part]
    return ids, blanks


def option_ids(option: str, tokenizer: Any) -> list[int]:
    """Tokens of an option in the middle of a sentence: byte-level tokenisers mark that by a space before it."""
    ids = list(tokenizer(f" {option.strip()}", add_special_tokens=False)["input_ids"])
    expect(len(ids) > 0, "option", "a word", repr(option))
    return ids


def windows(total: int, blanks: list[int], room: int) -> list[tuple[slice, list[int]]]:
    """Evenly spaced slices of `total` tokens, each at most `room` long, and the blanks that each is asked for."""
    expect(room >= 8, "length", "room for 8 tokens of a passage", room)
    count = -(-total // room)
    begins = [round(i * (total - room) / (count - 1)) for i in range(count)] if count > 1 else [0]
    centres = [begin + room / 2 for begin in begins]
    edges = [-np.inf, *((a + b) / 2 for a, b in pairwise(centres)), np.inf]
    parts = [
        (slice(begin, min(begin + room, total)), [i for i, place in enumerate(blanks) if low <= place < high])
        for begin, (low, high) in zip(begins, pairwise(edges), strict=True)
    ]
    return [(window, chosen) for window, chosen in parts if chosen]


def build_row(ids: list[int], places: list[int], tokenizer: Any) -> tuple[dict[str, list[int]], list[int]]:
    """The window with its special tokens, and the blanks' places in it."""
    before, after = special_tokens(tokenizer)
    whole = [*before, *ids, *after]
    inputs = {"input_ids": whole, "attention_mask": [1] * len(whole), "token_type_ids": [0] * len(whole)}
    return {n: v for n, v in inputs.items() if n in tokenizer.model_input_names}, [
        place + len(before) for place in places
    ]


def predicts_next(config: Any) -> bool:
    """Whether logits at a position are about the next one."""
    return not config.is_encoder_decoder and type(config) not in MODEL_FOR_MASKED_LM_MAPPING


def option_scores(logits: Tensor, places: Tensor, options: Tensor) -> Tensor:
    """Mean log-probability of each option's tokens: logits [B, L, V], places [B, K], options [B, K, 4, T] filled with
    -1 -> [B, K, 4]."""
    rows = torch.arange(len(logits), device=logits.device)[:, None]
    log_p = logits[rows, places].float().log_softmax(dim=-1)
    b, k, four, longest = options.shape
    found = log_p.gather(-1, options.clamp_min(0).reshape(b, k, four * longest)).reshape(options.shape)
    real = (options != NO_TOKEN).float()
    return (found * real).sum(-1) / real.sum(-1).clamp_min(1)
