"""Do all timed ways of attention compute the same attention, and is what cannot be measured said to be so?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.attention import SDPBackend

from sanger_pruner.baseline import measure as timing
from sanger_pruner.baseline.attention import block_diagonal, csr, dense, flex, random_qkv, row_softmax, with_projections
from sanger_pruner.baseline.sizes import LENGTHS, SIZES, Size
from sanger_pruner.cli.main import main

SMALL = Size("small", 64, 4, True)
CPU = torch.device("cpu")


def exact(q: Tensor, k: Tensor, v: Tensor, keep: Tensor) -> Tensor:
    scores = (q.double() @ k.double().transpose(-1, -2)) / q.shape[-1] ** 0.5
    return scores.masked_fill(~keep, -torch.inf).softmax(-1) @ v.double()


@pytest.fixture
def qkv() -> tuple[Tensor, Tensor, Tensor]:
    return random_qkv(SMALL, 40, CPU, torch.float32)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("backend", timing.BACKENDS["cpu"])
def test_dense_backends_agree(qkv: tuple[Tensor, Tensor, Tensor], causal: bool, backend: SDPBackend) -> None:
    keep = torch.ones(40, 40, dtype=torch.bool)
    found = dense(*qkv, causal, backend)()
    assert torch.allclose(found.double(), exact(*qkv, keep.tril() if causal else keep), atol=1e-5)


def test_csr_computes_the_masked_attention_with_uneven_heads(qkv: tuple[Tensor, Tensor, Tensor]) -> None:
    generator = torch.Generator().manual_seed(1)
    keep = torch.rand(4, 40, 40, generator=generator) < torch.tensor([0.1, 0.3, 0.5, 0.9])[:, None, None]
    keep |= torch.eye(40, dtype=torch.bool)
    assert len(set(keep.sum((1, 2)).tolist())) == 4
    found = csr(*qkv, keep)().view(1, 4, 40, 16)
    assert torch.allclose(found.double(), exact(*qkv, keep), atol=1e-5)


def test_flex_block_masks_say_the_same(qkv: tuple[Tensor, Tensor, Tensor]) -> None:
    keep = timing.layer_mask(SMALL, 40, "longformer")
    with pytest.warns(UserWarning, match="compile"):
        found = flex(*qkv, keep, compiled=False)()
    assert torch.allclose(found.double(), exact(*qkv, keep), atol=1e-5)


def test_block_diagonal_and_row_softmax_by_hand() -> None:
    mask = torch.tensor([[[1, 0], [1, 1]], [[0, 0], [0, 1]]], dtype=torch.bool)
    rows, crow, columns = block_diagonal(mask)
    assert (rows.tolist(), crow.tolist(), columns.tolist()) == ([0, 1, 1, 3], [0, 1, 3, 3, 4], [0, 0, 1, 3])
    weights = row_softmax(torch.tensor([5.0, 0.0, torch.log(torch.tensor(3.0)), -9.0]), rows, 4)
    assert torch.allclose(weights, torch.tensor([1, 0.25, 0.75, 1]))


def test_projections_keep_the_shape_of_a_layer() -> None:
    q, _, _ = random_qkv(SMALL, 40, CPU, torch.float32)
    with torch.inference_mode():
        assert with_projections(SMALL, 40, q, SDPBackend.MATH)().shape == (1, 40, 64)


def test_sizes_are_the_published_ones() -> None:
    assert {(s.hidden, s.heads, s.head_width) for s in SIZES.values()} == {(768, 12, 64), (1024, 16, 64)}
    assert [name for name, s in SIZES.items() if s.causal] == [
        "gpt2-small",
        "gpt2-medium",
        "bart-base-decoder",
        "bart-large-decoder",
    ]
    assert LENGTHS == (128, 384, 512)


def test_a_causal_mask_leaves_the_future_out() -> None:
    mask = timing.layer_mask(SMALL, 40, "longformer")
    assert not mask.triu(1).any()
    assert mask.diagonal(dim1=1, dim2=2).all()


def report_of(tmp_path: Path, *more: str) -> dict[str, Any]:
    out = tmp_path / "b.json"
    arguments = ["--models", "gpt2-small", "--lengths", "64", "--seconds", "0.002", "--no-flex"]
    assert main(["baseline", *arguments, *more, "--out", str(out)]) == 0
    result: dict[str, Any] = json.loads(out.read_text())
    return result


def test_baseline_names_what_it_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = report_of(tmp_path, "--devices", "cpu", "--patterns", "longformer")
    assert report["threads"] == 1
    assert report["devices"] == {"cpu": timing.processor()}
    found = {(row["method"], row["projections"]): row for row in report["rows"]}
    assert set(found) == {
        ("sdpa flash_attention", False),
        ("sdpa flash_attention", True),
        ("sdpa math", False),
        ("sdpa math", True),
        ("csr", False),
    }
    for row in report["rows"]:
        assert row["status"] == "measured"
        assert 0 < row["q1_ms"] <= row["median_ms"] <= row["q3_ms"]
        assert row["iqr_ms"] == pytest.approx(row["q3_ms"] - row["q1_ms"])
        assert row["blocks"] >= 5
        assert row["dtype"] == "float32"
    assert found["csr", False]["density"] < found["sdpa math", False]["density"] == pytest.approx(65 / 128, abs=1e-6)
    assert "ms, IQR" in capsys.readouterr().out


def test_without_a_gpu_its_rows_are_not_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    report = report_of(tmp_path, "--devices", "cuda")
    assert report["devices"] == {"cuda": "not measured"}
    assert report["rows"] == [{"device": "cuda", "status": "not measured", "reason": "no such device"}]


def test_what_fails_is_reported_with_its_reason() -> None:
    def broken() -> Any:
        raise RuntimeError("no compiler\nhere")

    assert timing.time_call(broken, 1, 0.001) == {"status": "not measured", "reason": "no compiler here"}


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--models", "bert-huge", "--models: expected names among bert-base"),
        ("--devices", "tpu", "--devices: expected names among cpu, cuda, found tpu"),
        ("--lengths", "12,x", "--lengths: expected whole numbers"),
        ("--seconds", "0", "--seconds: expected a number above 0"),
        ("--patterns", "moon", "static pattern: expected one of dense"),
    ],
)
def test_bad_usage(option: str, value: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "b.json"
    assert main(["baseline", "--out", str(out), option, value]) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.count("\n") == 1
    assert not out.exists()
