"""Does the command do what its pages say, and answer bad input in one line with exit code 2?"""

from __future__ import annotations

import csv
import importlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from conftest import MINILM, ROOT

import sanger_pruner as sp
from sanger_pruner.cli.main import VERBS, main

TEXT = str(ROOT / "traces" / "english.txt")
INPUT = ["--model", MINILM, "--text", TEXT, "--sequences", "2", "--length", "48"]
DOCS = ROOT / "tools" / "pruner" / "docs"


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line that bad input gets."""
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    return captured.err.removeprefix("sanger-prune: error: ").strip()


def test_export_writes_a_sound_trace(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "t.safetensors"
    assert main(["export", *INPUT, "--out", str(out), "--threshold", "0.01", "--empty-row", "top1"]) == 0
    assert "6 layers" in capsys.readouterr().out
    trace = sp.Trace(out)
    trace.validate()
    info = trace.layers["3"]
    assert (trace.sequences, info.threshold, info.empty_row, info.queries) == (2, 0.01, "top1", 48)
    assert "english.txt" in trace.source


def test_export_of_a_static_pattern_with_parameters(tmp_path: Path) -> None:
    out = tmp_path / "t.safetensors"
    options = ["--policy", "static:bslongformer", "--static", "block=8", "--static", "global_block_indices=[1]"]
    assert main(["export", *INPUT, "--out", str(out), *options]) == 0
    mask = sp.Trace(out).read("0", 0).mask
    assert mask is not None
    assert mask[0, 0, 0].nonzero()[0].tolist() == list(range(16))


def test_export_of_local_records(tmp_path: Path) -> None:
    (tmp_path / "d.jsonl").write_text('{"body": "one two three"}\n{"body": "four"}\n')
    source = ["--dataset", str(tmp_path / "d.jsonl"), "--column", "body", "--length", "16"]
    assert main(["export", "--model", MINILM, *source, "--out", str(tmp_path / "t.safetensors")]) == 0
    trace = sp.Trace(tmp_path / "t.safetensors")
    assert [int(trace.read("0", i).valid.sum()) for i in range(2)] == [5, 3]


def test_measure_writes_the_published_columns_in_order(tmp_path: Path) -> None:
    assert main(["measure", *INPUT, "--out", str(tmp_path)]) == 0
    with (tmp_path / "load_balance.csv").open() as file:
        rows = list(csv.reader(file))
    published = ["50%-no-skip", "50%-skip", "25%-no-skip", "25%-skip", "overall-sparsity"]
    assert rows[0] == [*published, "layer", "batch", "length"]
    assert len(rows) == 1 + 6 * 2
    assert all(re.fullmatch(r"[01]\.\d{6}", cell) for row in rows[1:] for cell in row[:5])
    assert [row[5] for row in rows[1:7]] == list("012345")
    report = json.loads((tmp_path / "load_balance.json").read_text())
    assert len(report["layers"]) == 6
    assert len(report["layers"][0]["heads"]) == 12
    assert report["config"]["threshold"] == 0.002
    assert (tmp_path / "load_balance.png").read_bytes()[:4] == b"\x89PNG"
    assert not list(tmp_path.glob(".*"))


def test_measure_of_a_trace_with_strict_columns(tmp_path: Path) -> None:
    trace = str(ROOT / "traces" / "causal_tiny.safetensors")
    assert main(["measure", "--trace", trace, "--out", str(tmp_path), "--strict-columns", "--no-plot"]) == 0
    header = (tmp_path / "load_balance.csv").read_text().splitlines()[0]
    assert header == "50%-no-skip,50%-skip,25%-no-skip,25%-skip,overall-sparsity"
    assert not (tmp_path / "load_balance.png").exists()
    assert main(["measure", "--published", str(tmp_path / "load_balance.csv"), "--out", str(tmp_path / "fixed")]) == 0
    fixed = (tmp_path / "fixed" / "load_balance_corrected.csv").read_text().splitlines()
    assert len(fixed) == 1 + 2 * 2


def test_estimate_prints_a_row_per_layer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trace = str(ROOT / "traces" / "minilm_128.safetensors")
    main(["measure", "--trace", trace, "--out", str(tmp_path), "--no-plot"])
    capsys.readouterr()
    path = str(tmp_path / "load_balance_corrected.csv")
    assert main(["estimate", path, "--hidden", "384"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1 + 6
    assert main(["estimate", path, "--hidden", "384", "--json"]) == 0
    layers = json.loads(capsys.readouterr().out)["layers"]
    assert [row["layer"] for row in layers] == list("012345")
    assert all(row["v1_cycles"] == pytest.approx(1e6 * row["v1_ms"]) for row in layers)


def test_calibrate_then_export_with_what_it_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found, plot = tmp_path / "c.json", tmp_path / "sweep.svg"
    sweep = ["--sweep", "0.001,0.01", "--plot", str(plot)]
    options = ["--density", "0.3", "--scope", "layer", "--out", str(found), *sweep]
    assert main(["calibrate", *INPUT, *options]) == 0
    values = json.loads(found.read_text())
    assert values["density"] == pytest.approx(0.3, abs=0.005)
    assert [row["threshold"] for row in values["sweep"]] == [0.001, 0.01]
    assert plot.read_text().startswith("<?xml")
    trace = tmp_path / "t.safetensors"
    assert main(["export", *INPUT, "--out", str(trace), "--calibration", str(found), "--dtype", "F32"]) == 0
    info = sp.Trace(trace).layers["2"]
    assert info.threshold == values["thresholds"]["2"][0]
    assert info.quant_q == values["quant_q"]["2"]
    density = sp.measure_trace(sp.Trace(trace)).report()["total"]["density"]
    assert density == pytest.approx(0.3, abs=0.005)


OUT = ("--out", "t.safetensors")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["export", *INPUT, "--out", "no/such/folder/t"], "no/such/folder/t: expected a file in an existing folder"),
        (["export", "--model", MINILM, *OUT], "input: expected --text or --dataset, found neither"),
        (["export", "--model", MINILM, "--text", "none.txt", *OUT], "none.txt: expected a text file, found none"),
        (
            ["export", "--model", "package:no_such", "--text", TEXT, *OUT],
            "package:no_such: expected an installed package",
        ),
        (
            ["export", "--model", ".", "--text", TEXT, *OUT],
            ".: expected a directory with config.json, found none in it",
        ),
        (
            ["export", *INPUT, *OUT, "--policy", "random"],
            "policy: expected sanger, learned, dense, topk:K or static:NAME",
        ),
        (["export", *INPUT, *OUT, "--threshold", "1.5"], "threshold: expected a number in [0, 1), found 1.5"),
        (["export", *INPUT, *OUT, "--bits", "3"], "bits: expected 2, 4, 6 or 8, found 3"),
        (["export", *INPUT, *OUT, "--empty-row", "x"], "empty_row: expected dense, zero or top1"),
        (["export", *INPUT, *OUT, "--policy", "static:x"], "static pattern: expected one of dense"),
        (
            ["export", *INPUT, *OUT, "--policy", "static:fixed", "--static", "x=1"],
            "static pattern fixed: expected parameters",
        ),
        (["export", *INPUT, *OUT, "--static", "block=1"], "--static: expected a policy static:NAME"),
        (["export", *INPUT, *OUT, "--policy", "topk:0"], "policy: expected"),
        (["export", *INPUT, *OUT, "--model-class", "NoModel"], "model class: expected a class of transformers"),
        (["export", *INPUT[:-1], "2", *OUT], "length: expected more than 2 tokens, found 2"),
        (["export", *INPUT, *OUT, "--calibration", "none.json"], "none.json: expected a JSON file"),
        (["measure", "--out", "f"], "input: expected one of --model, --trace and --published, found 0"),
        (["measure", "--trace", "none", "--out", "f"], "none: expected a safetensors file"),
        (["estimate", "none.csv"], "none.csv: expected a load balance file"),
        (["calibrate", *INPUT, "--out", "c.json", "--sweep", "a,b"], "--sweep: expected numbers with commas between"),
        (["calibrate", *INPUT, "--out", "c.json", "--plot", "p.png"], "--plot: expected --sweep beside it"),
        (["calibrate", *INPUT, "--out", "c.json", "--policy", "dense"], "policy: expected one that predicts"),
        (["calibrate", *INPUT, "--out", "c.json", "--density", "2"], "target density: expected a number in (0, 1)"),
    ],
)
def test_bad_input_is_one_line(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert refused(capsys, *arguments).startswith(message)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [[], ["no-verb"], ["export"], ["estimate", "f", "--length", "0"]])
def test_bad_usage_exits_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage: sanger-prune" in capsys.readouterr().err


def test_help_lists_every_verb_and_each_has_examples(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out
    for name in VERBS:
        verb = importlib.import_module(name).VERB
        assert f"\n  {verb} " in text
        with pytest.raises(SystemExit):
            main([verb, "--help"])
        assert "examples:\n  sanger-prune " + verb in capsys.readouterr().out


def test_every_verb_and_option_is_in_the_docs(capsys: pytest.CaptureFixture[str]) -> None:
    for name in VERBS:
        verb = importlib.import_module(name).VERB
        page = (DOCS / f"{verb}.md").read_text()
        with pytest.raises(SystemExit):
            main([verb, "--help"])
        options = set(re.findall(r"--[a-z][a-z-]+", capsys.readouterr().out)) - {"--help"}
        page += (DOCS / "common_options.md").read_text() if "common_options.md" in page else ""
        assert {option for option in options if f"`{option}" not in page} == set(), verb


def test_help_does_not_wait_for_torch() -> None:
    code = (
        "import sys; from sanger_pruner.cli.main import build_parser; build_parser(); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def wait_for(condition: Any, process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + 180
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_no_broken_file(number: int, tmp_path: Path) -> None:
    (tmp_path / "long.txt").write_text(Path(TEXT).read_text() * 200)
    out = tmp_path / "t.safetensors"
    source = ["--model", MINILM, "--text", str(tmp_path / "long.txt"), "--policy", "static:fixed", "--length", "32"]
    command = [sys.executable, "-m", "sanger_pruner.cli.main", "export", *source, "--out", str(out)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    # a shell's background jobs ignore interrupts, and so would the command that they start
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
    signal.signal(signal.SIGINT, before)
    wait_for(lambda: list(tmp_path.glob(".t.safetensors.*")), process)
    process.send_signal(number)
    _, message = process.communicate(timeout=120)
    assert process.returncode == 130
    assert message == "sanger-prune: interrupted, unfinished files are removed\n"
    assert [path.name for path in tmp_path.iterdir()] == ["long.txt"]
