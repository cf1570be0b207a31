"""SQuAD v1.1: a question and a paragraph in, the span that answers out.

Long paragraphs become several features that overlap by `stride` tokens. A feature that does not hold the whole answer
points at its first token.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import datasets
import numpy as np
import torch
from torch import Tensor, nn

from ..errors import InputError, expect
from ..files import read_json
from .base import (
    Batch,
    Output,
    Prepared,
    Record,
    Task,
    check_file,
    local_records,
    model_inputs,
    pad,
    read_hub,
    separated,
)
from .squad_score import squad_score

QUESTION_TOKENS = 64
"""Longer questions are cut, as BERT's own SQuAD code does."""
ANSWER_TOKENS = 30
CANDIDATES = 20
CHUNK = 1000
"""Records that are encoded at a time, which bounds memory."""

Offsets = list[tuple[int, int]]


class Squad(Task):
    """Spans; scored by exact match and F1 in percent."""

    name = "squad"
    hub = "rajpurkar/squad"
    main_metric = "f1"

    def read(self, source: str | Path | None, split: str) -> list[Record]:
        """The published nested JSON file, a file of `datasets` records, or the hub."""
        if source is None:
            return read_hub(self.hub, self.subset, split)
        path = Path(source)
        check_file(path, (".json", ".jsonl", ".parquet"))
        nested = read_json(path) if path.suffix == ".json" else None
        records = flatten(nested["data"]) if isinstance(nested, dict) and "data" in nested else local_records(path)
        expect(len(records) > 0, str(path), "at least one question", "none")
        for record in records:
            check_record(record, str(path))
        return records

    def model_class(self, config: Any) -> tuple[str, dict[str, Any]]:
        return "AutoModelForQuestionAnswering", {}

    def prepare(self, records: list[Record], tokenizer: Any, length: int, stride: int = 0) -> Prepared:
        expect(length - stride >= 16, "stride", f"at most the length less 16, {length - 16}", stride)
        tables, notes = [], []
        for begin in range(0, len(records), CHUNK):
            rows, found = _features(records, range(len(records))[begin : begin + CHUNK], tokenizer, length, stride)
            tables.append(datasets.Dataset.from_list(rows))
            notes += found
        return Prepared(datasets.concatenate_datasets(tables), records, notes)

    def collate(self, rows: list[dict[str, Any]], tokenizer: Any, length: int) -> Batch:
        batch = pad(rows, tokenizer, length)
        for name in ("start_positions", "end_positions"):
            batch[name] = torch.tensor([row[name] for row in rows])
        return batch

    def run(self, model: nn.Module, batch: Batch) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Outputs are start and end logits, [B, L] each."""
        places = {name: batch[name] for name in ("start_positions", "end_positions")}
        output = model(**model_inputs(model, batch), **places)
        return output.loss, (output.start_logits, output.end_logits)

    def score(self, prepared: Prepared, outputs: list[Output]) -> dict[str, float]:
        return squad_score(self.predictions(prepared, outputs), references(prepared.records))

    def predictions(self, prepared: Prepared, outputs: list[Output]) -> dict[str, str]:
        """Question id -> text of the best span over all features of the question."""
        best: dict[str, tuple[float, str]] = {}
        for (number, offsets), (starts, ends) in zip(prepared.notes, outputs, strict=True):
            record = prepared.records[number]
            value, span = best_span(starts, ends, offsets)
            if span is not None and value > best.get(record["id"], (-np.inf, ""))[0]:
                best[record["id"]] = (value, record["context"][span[0] : span[1]])
        return {identity: text for identity, (_, text) in best.items()}


def _features(
    records: list[Record], numbers: range, tokenizer: Any, length: int, stride: int
) -> tuple[list[dict[str, Any]], list[Any]]:
    """Inputs of some of the records, and for each feature its record's number and its offsets."""
    chunk = [records[number] for number in numbers]
    questions = cut_questions([r["question"].strip() for r in chunk], tokenizer, (length - stride) // 2)
    encoded = tokenizer(
        separated(questions, tokenizer),
        [r["context"] for r in chunk],
        truncation="only_second",
        max_length=length,
        stride=stride,
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
    )
    rows, notes = [], []
    for i, number in enumerate(encoded["overflow_to_sample_mapping"]):
        offsets = context_offsets(encoded, i)
        start, end = find_span(offsets, chunk[number])
        inputs = {name: encoded[name][i] for name in tokenizer.model_input_names if name in encoded}
        rows.append({**inputs, "start_positions": start, "end_positions": end})
        notes.append((numbers[number], np.array(offsets, dtype=np.int32)))
    return rows, notes


def flatten(articles: list[Any]) -> list[Record]:
    """Articles of the published file as one record per question."""
    try:
        return [
            {
                "id": qa["id"],
                "question": qa["question"],
                "context": paragraph["context"],
                "answers": {key: [answer[key] for answer in qa["answers"]] for key in ("text", "answer_start")},
            }
            for article in articles
            for paragraph in article["paragraphs"]
            for qa in paragraph["qas"]
        ]
    except (KeyError, TypeError) as error:
        raise InputError(f"SQuAD file: expected paragraphs with qas with answers, found none at {error}") from error


def check_record(record: Record, where: str) -> None:
    """Refuse a record whose answer is not where it says."""
    fields = ("id", "question", "context", "answers")
    missing = [name for name in fields if name not in record]
    expect(not missing, where, f"fields {', '.join(fields)}", f"no {', '.join(missing)}")
    texts, starts = record["answers"]["text"], record["answers"]["answer_start"]
    expect(len(texts) > 0, f"{where}: question {record['id']}", "at least one answer", "none")
    for text, start in zip(texts, starts, strict=True):
        found = record["context"][start : start + len(text)]
        expect(found == text, f"{where}: question {record['id']}: answer_start {start}", repr(text), repr(found))


def cut_questions(questions: list[str], tokenizer: Any, room: int) -> list[str]:
    """Questions of at most 64 tokens, and of no more than `room`."""
    limit = min(QUESTION_TOKENS, room)
    spans = tokenizer(questions, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
    return [
        text[: offsets[limit - 1][1]] if len(offsets) > limit else text
        for text, offsets in zip(questions, spans, strict=True)
    ]


def context_offsets(encoded: Any, feature: int) -> Offsets:
    """Character span of each token of the paragraph, (0, 0) for others."""
    sides = encoded.sequence_ids(feature)
    return [
        tuple(span) if side == 1 else (0, 0)
        for span, side in zip(encoded["offset_mapping"][feature], sides, strict=True)
    ]


def find_span(offsets: Offsets, record: Record) -> tuple[int, int]:
    """First and last token of the first reference answer, (0, 0) if the feature does not hold all of it."""
    begin = record["answers"]["answer_start"][0]
    end = begin + len(record["answers"]["text"][0])
    inside = [i for i, (low, high) in enumerate(offsets) if high > low and high > begin and low < end]
    if not inside or offsets[inside[0]][0] > begin or offsets[inside[-1]][1] < end:
        return 0, 0
    return inside[0], inside[-1]


def best_span(starts: Any, ends: Any, offsets: Any) -> tuple[float, tuple[int, int] | None]:
    """The characters between the start and end with the largest sum of logits (float [L] each), among the 20 best of
    each, within the paragraph (`offsets`: int [n, 2]) and at most 30 tokens long."""
    real = np.array([high > low for low, high in offsets])
    starts, ends = (np.where(real, x[: len(real)], -np.inf) for x in (starts, ends))
    best: tuple[float, tuple[int, int] | None] = (-np.inf, None)
    for i in np.argsort(-starts, kind="stable")[:CANDIDATES]:
        for j in np.argsort(-ends, kind="stable")[:CANDIDATES]:
            value = float(starts[i] + ends[j])
            if i <= j < i + ANSWER_TOKENS and value > best[0]:
                best = (value, (int(offsets[i][0]), int(offsets[j][1])))
    return best


def references(records: list[Record]) -> dict[str, list[str]]:
    """Question id -> reference answers."""
    return {record["id"]: list(record["answers"]["text"]) for record in records}
