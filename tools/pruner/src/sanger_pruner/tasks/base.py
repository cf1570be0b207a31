"""What every task does, and what they share: reading, padding to one length, running a model on a batch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..errors import InputError, expect
from ..load import load_records

Batch = dict[str, Tensor]
Record = Mapping[str, Any]
Output = tuple[NDArray[np.float32], ...]


@dataclass
class Prepared:
    """Model inputs, one row per feature, not padded; and what a score needs beside them: the records, and for each
    feature whatever the task wants to know about it."""

    inputs: Any
    records: list[Record]
    notes: list[Any] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.inputs)


class Task(ABC):
    """A task. `hub` is the data set's name on the hub, `subset` its configuration there."""

    name: str
    hub: str | None
    subset: str | None = None
    train_split: str = "train"
    eval_split: str = "validation"
    main_metric: str

    @abstractmethod
    def read(self, source: str | Path | None, split: str) -> list[Record]:
        """Records of a local file or folder, or of the hub where there is none. InputError names what is amiss."""

    @abstractmethod
    def model_class(self, config: Any) -> tuple[str, dict[str, Any]]:
        """The class of transformers for this task and a model's configuration, and options of from_pretrained."""

    @abstractmethod
    def prepare(self, records: list[Record], tokenizer: Any, length: int, stride: int = 0) -> Prepared:
        """Features of at most `length` tokens."""

    @abstractmethod
    def collate(self, rows: list[dict[str, Any]], tokenizer: Any, length: int) -> Batch:
        """A batch, padded to `length`: layouts of static patterns then depend on no batch."""

    @abstractmethod
    def run(self, model: nn.Module, batch: Batch) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Loss (a scalar) and outputs, each [B, ...], of the model on a batch."""

    @abstractmethod
    def score(self, prepared: Prepared, outputs: list[Output]) -> dict[str, float]:
        """Metrics from the outputs of every feature, in order."""


def read_hub(name: str | None, subset: str | None, split: str) -> list[Record]:
    """The records of a hub data set."""
    expect(name is not None, "data", "a local file, or a hub name with --data", "neither")
    return list(load_records(str(name), split, subset))


def require_columns(records: Sequence[Record], columns: Sequence[str], where: object) -> None:
    """Refuse records without these columns, or no records at all."""
    expect(len(records) > 0, str(where), "at least one record", "none")
    missing = [column for column in columns if column not in records[0]]
    expect(not missing, str(where), f"columns {', '.join(columns)}", ", ".join(records[0]))


def local_records(path: Path) -> list[Record]:
    """Records of a .json, .jsonl, .csv or .parquet file, as `datasets` gives them."""
    return list(load_records(str(path), "train"))


def check_file(path: Path, kinds: Sequence[str]) -> None:
    """Refuse a missing file, or one of another kind."""
    expect(path.is_file(), str(path), "a file", "none")
    expect(path.suffix in kinds, str(path), f"a name ending in {', '.join(kinds)}", repr(path.suffix))


def pad(rows: list[dict[str, Any]], tokenizer: Any, length: int) -> Batch:
    """Rows of token ids padded at their ends, as int64 tensors [B, length]."""
    names = [name for name in tokenizer.model_input_names if name in rows[0]]
    fill = {"input_ids": tokenizer.pad_token_id}
    batch = {}
    for name in names:
        padded = torch.full((len(rows), length), fill.get(name, 0))
        for i, row in enumerate(rows):
            padded[i, : len(row[name])] = torch.tensor(row[name])
        batch[name] = padded
    return batch


def model_inputs(model: nn.Module, batch: Batch) -> Batch:
    """What the model takes of a batch. An encoder-decoder reads the same tokens on both sides, so its decoder gets
    the same mask."""
    inputs: Batch = {name: batch[name] for name in ("input_ids", "attention_mask", "token_type_ids") if name in batch}
    config: Any = model.config
    if config.is_encoder_decoder:
        inputs["decoder_attention_mask"] = inputs["attention_mask"]
    return inputs


def separated(firsts: Sequence[str], tokenizer: Any) -> list[str]:
    """First texts of pairs, ending in the end-of-text token where the tokeniser has no separator of its own."""
    if tokenizer.sep_token is not None or tokenizer.eos_token is None:
        return list(firsts)
    return [first + tokenizer.eos_token for first in firsts]


def label_of(value: Any, classes: Sequence[str], where: str) -> int:
    """The number of a class, given as number or name. A hidden label (-1, as in test splits) is refused."""
    if value in classes:
        return classes.index(value)
    try:
        number = int(value)
    except (TypeError, ValueError):
        number = -1
    if not 0 <= number < len(classes):
        raise InputError(f"{where}: label: expected one of {', '.join(classes)}, found {value!r}")
    return number
