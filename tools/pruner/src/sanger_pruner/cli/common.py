"""Options that verbs share, and what they stand for."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..config import POLICY_FORMS, PrunerConfig
from ..errors import InputError, expect
from ..files import parse_json

if TYPE_CHECKING:
    from ..load import Batch, Texts


def positive(text: str) -> int:
    """An argparse type: a whole number of at least 1."""
    if re.fullmatch("0*[1-9][0-9]{0,17}", text) is None:
        raise argparse.ArgumentTypeError(f"expected a number of at least 1, found {text}")
    return int(text)


def add_model_arguments(parser: argparse.ArgumentParser, required: bool = True) -> None:
    """--model and what belongs to it."""
    group = parser.add_argument_group("model")
    group.add_argument(
        "--model", required=required, metavar="NAME", help="a folder, a hub name, or package:NAME of a Python package"
    )
    group.add_argument("--model-class", metavar="CLASS", help="a transformers class (the one that the model names)")
    group.add_argument("--threads", type=positive, metavar="N", help="threads of torch (its default)")


def add_input_arguments(parser: argparse.ArgumentParser) -> None:
    """Where sequences come from and how long they are."""
    group = parser.add_argument_group("input")
    source = group.add_mutually_exclusive_group()
    source.add_argument("--text", type=Path, metavar="FILE", help="a UTF-8 text file, cut into pieces")
    source.add_argument("--dataset", metavar="NAME", help="a hub name, or a .json, .jsonl, .csv, .parquet or .txt file")
    group.add_argument("--subset", metavar="NAME", help="of a hub data set")
    group.add_argument("--split", default="train", metavar="NAME", help="of the data set (train)")
    group.add_argument("--column", default="text", metavar="NAME", help="of the data set (text)")
    group.add_argument("--length", type=positive, default=128, metavar="L", help="tokens per sequence (128)")
    group.add_argument("--batch", type=positive, default=1, metavar="B", help="sequences per model call (1)")
    group.add_argument("--sequences", type=positive, metavar="N", help="use the first N only (all)")


def add_policy_arguments(parser: argparse.ArgumentParser) -> None:
    """What prunes."""
    group = parser.add_argument_group(
        "pruning", "A model that was saved with pruning keeps what it was saved with unless --policy is given."
    )
    group.add_argument("--policy", metavar="P", help=f"{POLICY_FORMS} (sanger)")
    group.add_argument("--threshold", type=float, metavar="T", help="keep predicted probabilities above T (0.002)")
    group.add_argument("--bits", type=int, metavar="N", help="of the prediction: 2, 4, 6 or 8 (4)")
    group.add_argument("--empty-row", metavar="E", help="rows that keep nothing: dense, zero or top1 (dense)")
    group.add_argument(
        "--static", action="append", default=[], metavar="KEY=VALUE", help="a parameter of a static pattern; repeatable"
    )
    group.add_argument("--seed", type=int, default=0, metavar="N", help="of random patterns (0)")
    group.add_argument("--calibration", type=Path, metavar="FILE", help="thresholds and ranges written by calibrate")


def parse_static(items: Iterable[str]) -> dict[str, Any]:
    """KEY=VALUE pairs; values are JSON where they parse as such, else text."""
    values: dict[str, Any] = {}
    for item in items:
        key, equals, text = item.partition("=")
        expect(bool(equals) and bool(key), "--static", "KEY=VALUE", repr(item))
        try:
            values[key] = parse_json(text)
        except ValueError:
            values[key] = text
    return values


def policy_config(arguments: argparse.Namespace) -> PrunerConfig:
    """The configuration that the options describe, checked down to the pattern's parameters."""
    from ..static_patterns import make_pattern

    given = {name: getattr(arguments, name) for name in ("policy", "threshold", "bits", "empty_row")}
    config = PrunerConfig(
        **{name: value for name, value in given.items() if value is not None},
        static=parse_static(arguments.static),
        seed=arguments.seed,
    )
    if config.static_name is not None:
        make_pattern(config.static_name, config.static)
    else:
        expect(not config.static, "--static", "a policy static:NAME", config.policy)
    return config


def check_input(arguments: argparse.Namespace) -> None:
    """Refuse a missing input before a model is loaded for it."""
    if arguments.text is None and arguments.dataset is None:
        raise InputError("input: expected --text or --dataset, found neither")
    if arguments.text is not None:
        expect(arguments.text.is_file(), str(arguments.text), "a text file", "none")


def load_pruned(arguments: argparse.Namespace) -> Any:
    """The model of the options with pruning attached, and thresholds and ranges loaded if there are any."""
    config = policy_config(arguments)
    check_input(arguments)
    import torch
    from transformers.utils import logging

    from ..attachment import CONFIG_KEY, attach, attach_saved
    from ..load import load_model, resolve_model

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    model = load_model(arguments.model, arguments.model_class)
    if hasattr(model.config, CONFIG_KEY) and arguments.policy is None:
        attach_saved(model, resolve_model(arguments.model))
    else:
        attach(model, config)
    if arguments.calibration is not None:
        from ..calibration_file import load_calibration

        load_calibration(model, arguments.calibration)
    return model


def load_texts(arguments: argparse.Namespace, model: Any) -> Texts:
    """The sequences of the options."""
    from ..load import Texts, load_records, load_tokenizer

    records = None
    if arguments.dataset is not None:
        records = load_records(arguments.dataset, arguments.split, arguments.subset)
    return Texts(
        load_tokenizer(arguments.model),
        length=arguments.length,
        batch_size=arguments.batch,
        limit=arguments.sequences,
        decoder=bool(model.config.is_encoder_decoder),
        path=arguments.text,
        records=records,
        column=arguments.column,
    )


def ensure_ranges(model: Any, batches: Iterable[Batch]) -> None:
    """Calibrate quantisers that have no range yet on the input itself."""
    import torch

    from ..attachment import calibrating, states
    from ..export import forward, is_calibrated

    if not next(iter(states(model).values())).config.predicts or is_calibrated(model):
        return
    with torch.inference_mode(), calibrating(model):
        for batch in batches:
            forward(model, batch)


def describe_source(arguments: argparse.Namespace) -> str:
    """The input as a trace's `source` names it."""
    name = arguments.text if arguments.text is not None else f"{arguments.dataset}, {arguments.split}"
    limit = f", the first {arguments.sequences}" if arguments.sequences else ""
    return f"{name}, sequences of {arguments.length} tokens{limit}"


def check_output(path: Path) -> None:
    """Refuse a file in a folder that does not exist before hours are spent on its contents."""
    expect(path.parent.is_dir(), str(path), "a file in an existing folder", f"no folder {path.parent}")
    expect(not path.is_dir(), str(path), "a file", "a folder")
