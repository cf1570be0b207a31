"""GLUE (Wang et al., ICLR 2019): nine tasks on sentences and pairs of sentences, and its diagnostic set.

Local files are the published .tsv files, or .json, .jsonl, .csv or .parquet with the columns of the hub's data set.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import torch
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef
from torch import Tensor, nn

from ..errors import InputError, expect
from .base import (
    Batch,
    Output,
    Prepared,
    Record,
    Task,
    check_file,
    label_of,
    local_records,
    model_inputs,
    pad,
    read_hub,
    require_columns,
    separated,
)

Metric = Callable[[Any, Any], float]
METRICS: dict[str, Metric] = {
    "accuracy": lambda wanted, found: accuracy_score(wanted, found),
    "f1": lambda wanted, found: f1_score(wanted, found, zero_division=0),
    "matthews": lambda wanted, found: matthews_corrcoef(wanted, found),
    "pearson": lambda wanted, found: _correlation(pearsonr, wanted, found),
    "spearman": lambda wanted, found: _correlation(spearmanr, wanted, found),
}


def _correlation(function: Callable[..., Any], wanted: Any, found: Any) -> float:
    """0 where one side is constant or there are fewer than two pairs: nothing correlates with it."""
    if len(wanted) < 2 or np.ptp(wanted) == 0 or np.ptp(found) == 0:
        return 0.0
    return float(function(wanted, found)[0])


@dataclass(frozen=True)
class GlueTask:
    """Text columns, classes (none: a score), metrics, and where the published .tsv differs from the hub: its column
    names, or all of them if the file has no header."""

    columns: tuple[str, ...]
    classes: tuple[str, ...]
    metrics: tuple[str, ...] = ("accuracy",)
    renamed: dict[str, str] = field(default_factory=dict)
    headerless: tuple[str, ...] = ()
    eval_split: str = "validation"


PAIR = ("sentence1", "sentence2")
ENTAILS = ("entailment", "not_entailment")
NLI = ("entailment", "neutral", "contradiction")
GLUE_TASKS = {
    "cola": GlueTask(
        ("sentence",),
        ("unacceptable", "acceptable"),
        ("matthews",),
        headerless=("source", "label", "mark", "sentence"),
    ),
    "sst2": GlueTask(("sentence",), ("negative", "positive")),
    "mrpc": GlueTask(
        PAIR,
        ("not_equivalent", "equivalent"),
        ("f1", "accuracy"),
        {"#1 String": "sentence1", "#2 String": "sentence2", "Quality": "label"},
    ),
    "qqp": GlueTask(
        ("question1", "question2"), ("not_duplicate", "duplicate"), ("f1", "accuracy"), {"is_duplicate": "label"}
    ),
    "stsb": GlueTask(PAIR, (), ("pearson", "spearman"), {"score": "label"}),
    "mnli": GlueTask(
        ("premise", "hypothesis"),
        NLI,
        renamed={"sentence1": "premise", "sentence2": "hypothesis", "gold_label": "label"},
        eval_split="validation_matched",
    ),
    "qnli": GlueTask(("question", "sentence"), ENTAILS),
    "rte": GlueTask(PAIR, ENTAILS),
    "wnli": GlueTask(PAIR, ENTAILS[::-1]),
    "ax": GlueTask(
        ("premise", "hypothesis"),
        NLI,
        ("matthews",),
        {"Premise": "premise", "Hypothesis": "hypothesis", "Label": "label"},
        eval_split="test",
    ),
}


class Glue(Task):
    """One of the tasks; `ax` is scored with a model trained on `mnli`."""

    hub = "nyu-mll/glue"

    def __init__(self, subset: str) -> None:
        self.spec = GLUE_TASKS[subset]
        self.name, self.subset = f"glue:{subset}", subset
        self.eval_split, self.main_metric = self.spec.eval_split, self.spec.metrics[0]

    def read(self, source: str | Path | None, split: str) -> list[Record]:
        """Records with text columns, and `label` a class number or a score."""
        where = self.hub if source is None else str(source)
        records = self._raw(source, split)
        require_columns(records, (*self.spec.columns, "label"), where)
        whole = [r for r in records if all(r[column] for column in self.spec.columns)]
        if len(whole) < len(records):
            print(f"{where}: left out {len(records) - len(whole)} rows without text", file=sys.stderr)
        return [self._record(r, f"{where}: record {i}") for i, r in enumerate(whole, start=1)]

    def _raw(self, source: str | Path | None, split: str) -> list[Record]:
        if source is None:
            return read_hub(self.hub, self.subset, split)
        path = Path(source)
        check_file(path, (".tsv", ".json", ".jsonl", ".csv", ".parquet"))
        return read_tsv(path, self.spec) if path.suffix == ".tsv" else local_records(path)

    def _record(self, record: Record, where: str) -> Record:
        texts = {column: record[column] for column in self.spec.columns}
        return {**texts, "label": self._label(record["label"], where)}

    def _label(self, value: Any, where: str) -> int | float:
        if self.spec.classes:
            return label_of(value, self.spec.classes, where)
        try:
            score = float(value)
        except (TypeError, ValueError):
            score = -1.0
        expect(0 <= score <= 5, f"{where}: score", "a number from 0 to 5", repr(value))
        return score

    def model_class(self, config: Any) -> tuple[str, dict[str, Any]]:
        classes = self.spec.classes or ("score",)
        names = {"id2label": dict(enumerate(classes)), "label2id": {name: i for i, name in enumerate(classes)}}
        return "AutoModelForSequenceClassification", {"num_labels": len(classes), **names}

    def prepare(self, records: list[Record], tokenizer: Any, length: int, stride: int = 0) -> Prepared:
        """One feature per record, cut to `length`."""
        texts = [[r[column] for r in records] for column in self.spec.columns]
        if len(texts) == 2:
            texts[0] = separated(texts[0], tokenizer)
        encoded = tokenizer(*texts, truncation=True, max_length=length)
        inputs = {name: encoded[name] for name in tokenizer.model_input_names if name in encoded}
        return Prepared(datasets.Dataset.from_dict({**inputs, "labels": [r["label"] for r in records]}), records)

    def collate(self, rows: list[dict[str, Any]], tokenizer: Any, length: int) -> Batch:
        return {**pad(rows, tokenizer, length), "labels": torch.tensor([row["labels"] for row in rows])}

    def run(self, model: nn.Module, batch: Batch) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Outputs are logits [B, classes], or a score [B, 1]."""
        output = model(**model_inputs(model, batch), labels=batch["labels"])
        return output.loss, (output.logits,)

    def score(self, prepared: Prepared, outputs: list[Output]) -> dict[str, float]:
        wanted = np.array([record["label"] for record in prepared.records])
        logits = np.stack([output[0] for output in outputs])
        found = logits.argmax(axis=1) if self.spec.classes else logits[:, 0]
        return {name: float(METRICS[name](wanted, found)) for name in self.spec.metrics}


def read_tsv(path: Path, spec: GlueTask) -> list[Record]:
    """A published .tsv file, its columns named as on the hub. Quotes mean nothing in it, and everything is text: a
    reader that guesses types takes the sentence NA for a missing one."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file, spec.headerless or None, delimiter="\t", quoting=csv.QUOTE_NONE)
            return [{spec.renamed.get(name, name): value for name, value in row.items()} for row in rows]
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: expected a GLUE .tsv file, found {error}") from error
