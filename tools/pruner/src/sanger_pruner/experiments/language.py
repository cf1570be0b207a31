"""A causal language model of GPT-2's shape on the documentation strings of Python's standard library.

The text is read from the modules' sources, so it is on every Python installation; it changes a little with the
release, which the results name beside a hash of the text.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import inspect
import math
import platform
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import Tensor, nn

from ..errors import InputError
from .runner import DENSE, Experiment, sanger_variants, static_variant

MODULES = (
    "argparse", "ast", "base64", "bdb", "bz2", "calendar", "cmd", "collections", "configparser", "contextlib",
    "copy", "csv", "dataclasses", "datetime", "decimal", "difflib", "dis", "doctest", "email.message", "enum",
    "fractions", "ftplib", "functools", "gettext", "glob", "gzip", "heapq", "html.parser", "http.client", "http.server",
    "imaplib", "importlib.metadata", "inspect", "ipaddress", "json", "json.decoder", "json.encoder", "logging",
    "logging.handlers", "mailbox", "mimetypes", "multiprocessing.pool", "pathlib", "pdb", "pickle", "platform",
    "pprint", "queue", "random", "selectors", "shelve", "shutil", "smtplib", "socket", "socketserver", "statistics",
    "string", "subprocess", "tarfile", "tempfile", "textwrap", "threading", "timeit", "tokenize", "traceback", "typing",
    "unittest.case", "unittest.mock", "urllib.parse", "urllib.request", "uuid", "warnings", "weakref",
    "xml.dom.minidom", "xml.etree.ElementTree", "zipfile",
)  # fmt: skip
LENGTH = 128
VOCABULARY = 1024
HELD_OUT = 10
"""Every tenth documentation string is for the test."""


def docstrings(module: str) -> Iterator[str]:
    """Documentation strings in a module's source, in order."""
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None or not Path(spec.origin).is_file():
        raise InputError(f"module {module}: expected its source in this Python installation, found none")
    tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text:
                yield inspect.cleandoc(text)


def make_tokenizer(texts: list[str]) -> Any:
    """A byte-level BPE tokeniser trained on the texts; token 0 ends a text."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def token_stream(texts: list[str], tokenizer: Any) -> Tensor:
    """All texts behind one another, each ended by token 0: int64 [N]."""
    return torch.tensor([i for text in texts for i in [*tokenizer.encode(text).ids, 0]])


class Language(Experiment):
    """Perplexity per token on held-out documentation strings; every token but the first of a window counts."""

    name = "language"
    metric = "perplexity"
    learning_rate = 1e-2
    batch = 12

    def __init__(self, quick: bool = False) -> None:
        texts = list(dict.fromkeys(text for module in MODULES for text in docstrings(module)))
        held_out = texts[::HELD_OUT]
        training = [text for i, text in enumerate(texts) if i % HELD_OUT]
        tokenizer = make_tokenizer(training)
        self.stream = token_stream(training, tokenizer)
        test = token_stream(held_out, tokenizer)
        count = 2 if quick else len(test) // LENGTH
        self.test = test[: count * LENGTH].reshape(-1, LENGTH)
        self.steps, self.more_steps = (4, 2) if quick else (1300, 60)
        self.variants = [
            DENSE,
            *sanger_variants((0.002, 0.005, 0.01, 0.02, 0.05)),
            *sanger_variants((0.02, 0.05, 0.1), "top1"),
            static_variant("local_sliding_window", block=16),
            static_variant("bslongformer", block=8, attention="unidirectional"),
            static_variant("bigbird", block=8, attention="unidirectional", different_layout_per_head=True),
            static_variant("fixed", block=8, attention="unidirectional"),
        ]
        self.about = {
            "data": f"documentation strings of {len(MODULES)} modules of Python {platform.python_version()}",
            "sha256": hashlib.sha256("\0".join(texts).encode()).hexdigest(),
            "train": len(self.stream),
            "test": self.test.numel(),
            "tokens": LENGTH,
            "vocabulary": tokenizer.get_vocab_size(),
            "layers": 2,
            "hidden": 64,
            "heads": 4,
            "batch": self.batch,
        }

    def build(self) -> Any:
        config = transformers.GPT2Config(
            vocab_size=VOCABULARY,
            n_positions=LENGTH,
            n_embd=64,
            n_layer=2,
            n_head=4,
            resid_pdrop=0.0,
            embd_pdrop=0.0,
            attn_pdrop=0.0,
            bos_token_id=0,
            eos_token_id=0,
            use_cache=False,
        )
        return transformers.GPT2LMHeadModel(config)

    def loss(self, model: nn.Module, generator: torch.Generator) -> Tensor:
        begins = torch.randint(len(self.stream) - LENGTH, (self.batch,), generator=generator)
        ids = torch.stack([self.stream[begin : begin + LENGTH] for begin in begins.tolist()])
        loss: Tensor = model(input_ids=ids, labels=ids).loss
        return loss

    def evaluate(self, model: nn.Module) -> float:
        losses = [float(model(input_ids=ids, labels=ids).loss) * len(ids) for ids in torch.split(self.test, 16)]
        return math.exp(sum(losses) / len(self.test))
