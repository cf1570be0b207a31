"""Models, tokenisers and texts, by the names that users give on a command line."""

from __future__ import annotations

import importlib.util
import json
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import Tensor, nn

from .errors import InputError, expect

Batch = dict[str, Tensor]
PACKAGE = "package:"


def resolve_model(name: str) -> str:
    """A directory, a hub name, or `package:NAME`: the directory with a model inside an installed Python package."""
    if not name.startswith(PACKAGE):
        if Path(name).exists():
            expect((Path(name) / "config.json").is_file(), name, "a directory with config.json", "none in it")
        return name
    package = name[len(PACKAGE) :]
    spec = importlib.util.find_spec(package) if package.isidentifier() else None
    expect(spec is not None and bool(spec.submodule_search_locations), name, "an installed package", "none")
    assert spec is not None
    for place in spec.submodule_search_locations or []:
        for config in sorted(Path(place).rglob("config.json")):
            if "model_type" in json.loads(config.read_text(encoding="utf-8")):
                return str(config.parent)
    raise InputError(f"{name}: expected a model's config.json inside the package, found none")


def load_model(name: str, model_class: str | None = None, **options: Any) -> Any:
    """A transformers model in eval mode, of the class that its configuration names or of `model_class`."""
    directory = resolve_model(name)
    try:
        config = transformers.AutoConfig.from_pretrained(directory)
        wanted = model_class or (config.architectures or ["AutoModel"])[0]
        cls = getattr(transformers, wanted, None)
        expect(cls is not None, "model class", "a class of transformers", repr(wanted))
        return cls.from_pretrained(directory, **options).eval()  # type: ignore[union-attr]
    except InputError:
        raise
    except (OSError, ValueError) as error:
        raise InputError(f"{name}: expected a model, found {' '.join(str(error).split())}") from error


def load_tokenizer(name: str) -> Any:
    """The tokeniser beside a model."""
    try:
        return transformers.AutoTokenizer.from_pretrained(resolve_model(name))
    except (OSError, ValueError) as error:
        raise InputError(f"{name}: expected a tokeniser, found {' '.join(str(error).split())}") from error


def parameter_device(model: nn.Module) -> torch.device:
    """Where a model lies."""
    return next(model.parameters()).device


def special_tokens(tokenizer: Any) -> tuple[list[int], list[int]]:
    """The ids that the tokeniser puts before and after a sequence, found by encoding one with and without."""
    bare = tokenizer("a", add_special_tokens=False)["input_ids"]
    full = tokenizer("a")["input_ids"]
    for start in range(len(full) - len(bare) + 1):
        if full[start : start + len(bare)] == bare:
            return full[:start], full[start + len(bare) :]
    return [], []


@dataclass
class Texts:
    """Sequences of `length` tokens each as batches, from a text file (cut into pieces) or records (cut or padded).

    Iterable many times; the file or data set is read anew each time, so memory does not grow with its size. The last
    piece of a file is padded, and left out if it is shorter than `minimum` tokens. An encoder-decoder gets the same
    tokens on both sides.
    """

    tokenizer: Any
    length: int
    batch_size: int = 1
    limit: int | None = None
    minimum: int = 8
    decoder: bool = False
    path: Path | None = None
    records: Any = None
    column: str = "text"

    def __post_init__(self) -> None:
        self._before, self._after = special_tokens(self.tokenizer)
        self._room = self.length - len(self._before) - len(self._after)
        expect(self._room >= 1, "length", f"more than {self.length - self._room} tokens", self.length)

    def __iter__(self) -> Iterator[Batch]:
        rows: list[list[int]] = []
        for row in self._rows():
            rows.append(row)
            if len(rows) == self.batch_size:
                yield self._batch(rows)
                rows = []
        if rows:
            yield self._batch(rows)

    def _rows(self) -> Iterator[list[int]]:
        pieces = self._pieces_of_file() if self.path is not None else self._pieces_of_records()
        for count, piece in enumerate(pieces):
            if self.limit is not None and count >= self.limit:
                return
            yield [*self._before, *piece, *self._after]

    def _pieces_of_file(self) -> Iterator[list[int]]:
        assert self.path is not None
        held: list[int] = []
        try:
            with self.path.open(encoding="utf-8") as file:
                for line in file:
                    held += self._encode(line)
                    while len(held) >= self._room:
                        yield held[: self._room]
                        held = held[self._room :]
        except UnicodeDecodeError as error:
            raise InputError(f"{self.path}: expected UTF-8 text, found {error.reason} at byte {error.start}") from error
        if len(held) >= min(self.minimum, self._room):
            yield held

    def _pieces_of_records(self) -> Iterator[list[int]]:
        for record in self.records:
            expect(self.column in record, "column", f"one of {', '.join(record)}", repr(self.column))
            yield self._encode(record[self.column])[: self._room]

    def _encode(self, text: str) -> list[int]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return list(self.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])

    def _batch(self, rows: list[list[int]]) -> Batch:
        pad = self.tokenizer.pad_token_id
        fill = pad if pad is not None else self.tokenizer.eos_token_id or 0
        ids = torch.full((len(rows), self.length), fill)
        mask = torch.zeros_like(ids)
        for i, row in enumerate(rows):
            ids[i, : len(row)] = torch.tensor(row)
            mask[i, : len(row)] = 1
        batch = {"input_ids": ids, "attention_mask": mask}
        return {**batch, "decoder_input_ids": ids, "decoder_attention_mask": mask} if self.decoder else batch


def load_records(name: str, split: str, subset: str | None = None) -> Any:
    """A data set: a hub name, or a local .json, .jsonl, .csv, .parquet or .txt file."""
    import datasets

    kinds = {".json": "json", ".jsonl": "json", ".csv": "csv", ".parquet": "parquet", ".txt": "text"}
    kind = kinds.get(Path(name).suffix)
    try:
        if kind is not None:
            expect(Path(name).is_file(), name, "a file", "none")
            return datasets.load_dataset(kind, data_files={split: name}, split=split)
        return datasets.load_dataset(name, subset, split=split)
    except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{name}: expected a data set, found {' '.join(str(error).split())}") from error
