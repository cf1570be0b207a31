"""Are the tasks' files read as they are published, their inputs built as said, and their scores what hand
computation gives?"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import ROOT

from sanger_pruner.errors import InputError
from sanger_pruner.presets import PRESETS
from sanger_pruner.tasks import TASK_NAMES, Glue, Squad, make_task
from sanger_pruner.tasks.cloth import encode_passage, option_scores, windows
from sanger_pruner.tasks.glue import GLUE_TASKS
from sanger_pruner.tasks.squad import best_span, references
from sanger_pruner.tasks.squad_score import exact_match, f1, normalise, squad_score

SAMPLES = ROOT / "tools" / "pruner" / "samples"
sys.path.insert(0, str(SAMPLES))
from tiny_models import byte_pairs, wordpiece  # noqa: E402


@pytest.fixture(scope="module", params=["wordpiece", "bytes"])
def tokenizer(request: pytest.FixtureRequest) -> Any:
    if request.param == "wordpiece":
        return wordpiece()
    end = "<|endoftext|>"
    made = byte_pairs([end], eos_token=end)
    made.pad_token = end
    return made


def test_answers_are_compared_without_case_articles_and_punctuation() -> None:
    assert normalise("The  cat's, an Apple-a day!") == "cats applea day"
    assert exact_match("the Lake.", "a lake") == 1
    assert exact_match("lakes", "lake") == 0


@pytest.mark.parametrize(
    ("prediction", "reference", "expected"),
    [
        ("a curved lake", "curved lake", 1.0),
        ("lake", "curved lake", 2 * 1 * 0.5 / 1.5),
        ("red red fish", "red fish fish", 2 / 3),
        ("stone", "lake", 0.0),
        ("", "lake", 0.0),
    ],
)
def test_f1_by_hand(prediction: str, reference: str, expected: float) -> None:
    assert f1(prediction, reference) == pytest.approx(expected)


def test_squad_score_takes_the_best_reference_and_counts_missing_predictions() -> None:
    wanted = {"1": ["sand", "wet sand"], "2": ["a lake"], "3": ["twenty miles"], "4": ["rock"]}
    found = squad_score({"1": "the wet sand", "2": "the lake", "3": "twenty"}, wanted)
    assert found == {"exact_match": 50.0, "f1": pytest.approx(100 * (1 + 1 + 2 / 3 + 0) / 4)}


def test_squad_files_are_read_nested_and_as_records(tmp_path: Path) -> None:
    nested = Squad().read(SAMPLES / "squad" / "dev.json", "validation")
    assert len(nested) == 6
    assert nested[0]["answers"] == {
        "text": ["wood or coal", "wood or coal in an open basket"],
        "answer_start": [79, 79],
    }
    (tmp_path / "flat.jsonl").write_text("".join(json.dumps(r) + "\n" for r in nested))
    flat = Squad().read(tmp_path / "flat.jsonl", "validation")
    assert references(flat) == references(nested)


def test_squad_refuses_an_answer_that_is_not_where_it_says(tmp_path: Path) -> None:
    text = (SAMPLES / "squad" / "dev.json").read_text().replace('"answer_start": 79', '"answer_start": 80')
    (tmp_path / "bad.json").write_text(text)
    with pytest.raises(InputError, match="question dev-01: answer_start 80: expected 'wood or coal'"):
        Squad().read(tmp_path / "bad.json", "validation")


def test_every_answer_is_found_again_from_perfect_logits(tokenizer: Any) -> None:
    """Features with a stride, from characters to tokens and back."""
    task = Squad()
    for name in ("train", "dev"):
        prepared = task.prepare(task.read(SAMPLES / "squad" / f"{name}.json", name), tokenizer, 64, 24)
        assert len(prepared) > len(prepared.records)
        outputs = []
        for row in prepared.inputs:
            assert len(row["input_ids"]) <= 64
            start, end = np.zeros(64), np.zeros(64)
            if row["start_positions"]:
                start[row["start_positions"]] = end[row["end_positions"]] = 9
            outputs.append((start, end))
        assert task.score(prepared, outputs) == {"exact_match": 100.0, "f1": 100.0}


def test_a_span_is_the_best_legal_pair() -> None:
    offsets = [(0, 0), (0, 3), (4, 7), (8, 11), (0, 0)]
    starts, ends = np.array([9.0, 0, 2, 3, 9]), np.array([9.0, 5, 0, 1, 9])
    # (3, 1) would sum to 8 but ends before it starts; tokens 0 and 4 are not of the paragraph.
    assert best_span(starts, ends, offsets) == (5.0, (0, 3))


@pytest.mark.parametrize("name", list(GLUE_TASKS))
def test_glue_files_are_read_as_published(name: str) -> None:
    files = sorted((SAMPLES / "glue").glob(f"{name}*.tsv"))
    assert files
    spec = GLUE_TASKS[name]
    for path in files:
        records = Glue(name).read(path, "validation")
        lines = path.read_text().splitlines()
        assert len(records) == len(lines) - (0 if spec.headerless else 1)
        for record, line in zip(records[::-1], lines[::-1], strict=False):
            assert all(record[column] in line.split("\t") for column in spec.columns)
        labels = {record["label"] for record in records}
        assert len(labels) > 1
        assert labels <= set(range(len(spec.classes))) or not spec.classes


def test_glue_labels_mean_what_the_hub_says() -> None:
    assert [r["label"] for r in Glue("rte").read(SAMPLES / "glue" / "rte_train.tsv", "")] == [0, 1, 0, 1]
    assert [r["label"] for r in Glue("wnli").read(SAMPLES / "glue" / "wnli_train.tsv", "")] == [1, 0, 1, 0]
    assert Glue("stsb").read(SAMPLES / "glue" / "stsb_train.tsv", "")[0]["label"] == 4.8
    published = Glue("mnli").read(SAMPLES / "glue" / "mnli_train.tsv", "")
    assert published == Glue("mnli").read(SAMPLES / "glue" / "mnli_dev.jsonl", "")
    assert [r["label"] for r in published] == [0, 1, 2] * 2


def test_glue_quotes_and_na_are_text() -> None:
    cola = Glue("cola").read(SAMPLES / "glue" / "cola_dev.tsv", "")
    assert 'He said "no" twice.' in [r["sentence"] for r in cola]


def test_glue_refuses_hidden_labels_and_other_columns(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text('{"sentence": "words", "label": -1}\n')
    with pytest.raises(InputError, match="record 1: label: expected one of negative, positive, found -1"):
        Glue("sst2").read(tmp_path / "t.jsonl", "")
    with pytest.raises(InputError, match="expected columns sentence1, sentence2, label"):
        Glue("rte").read(tmp_path / "t.jsonl", "")
    with pytest.raises(InputError, match="expected a file, found none"):
        Glue("rte").read(tmp_path / "none.tsv", "")


def test_glue_scores_by_hand() -> None:
    def score(name: str, wanted: list[float], found: list[list[float]]) -> dict[str, float]:
        task = Glue(name)
        prepared: Any = type("P", (), {"records": [{"label": x} for x in wanted]})
        return task.score(prepared, [(np.array(row),) for row in found])

    no, yes = [1.0, 0.0], [0.0, 1.0]
    # tp 1, fp 1, fn 1, tn 2: f1 = 2/(2+1+1), matthews = (1*2 - 1*1) / sqrt(2*2*3*3)
    wanted, found = [1, 1, 0, 0, 0], [yes, no, yes, no, no]
    assert score("mrpc", wanted, found) == {"f1": 0.5, "accuracy": 0.6}
    assert score("cola", wanted, found) == {"matthews": pytest.approx(1 / 6)}
    # x = 0,1,2 against y = 0,1,5: covariance 5, variances 2 and 14; ranks agree
    figures = score("stsb", [0, 1, 2], [[0.0], [1.0], [5.0]])
    assert figures == {"pearson": pytest.approx(5 / 28**0.5), "spearman": pytest.approx(1)}
    assert score("stsb", [0, 1], [[3.0], [3.0]]) == {"pearson": 0, "spearman": 0}


def test_cloth_folders_are_read(tokenizer: Any) -> None:
    task = make_task("cloth")
    records = task.read(SAMPLES / "cloth" / "train", "train")
    assert [len(r["answers"]) for r in records] == [5, 5]
    prepared = task.prepare(records, tokenizer, 40)
    assert len(prepared) > 2
    asked = sorted((number, i) for number, chosen in prepared.notes for i in chosen)
    assert asked == [(n, i) for n in range(2) for i in range(5)]
    mark = tokenizer.mask_token_id
    for row in prepared.inputs:
        assert len(row["input_ids"]) <= 40
        if mark is not None:
            # Other windows' blanks may be seen too; those asked for are masks.
            assert all(row["input_ids"][place] == mark for place in row["blanks"])


def test_cloth_blanks_lie_where_the_text_has_them(tokenizer: Any) -> None:
    ids, places = encode_passage("It was _ when we left the _ .", tokenizer)
    assert tokenizer.decode(ids[: places[0]]).strip().lower() == "it was"
    assert tokenizer.decode(ids[places[0] + 1 : places[1]]).strip(" _").lower() == "when we left the"


def test_cloth_windows_cover_everything_and_ask_each_blank_once() -> None:
    for total in (5, 40, 41, 79, 80, 200):
        parts = windows(total, list(range(total)), 40)
        assert sorted(i for _, chosen in parts for i in chosen) == list(range(total))
        for window, chosen in parts:
            assert window.stop - window.start <= 40
            assert all(window.start <= i < window.stop for i in chosen)


def test_cloth_option_scores_by_hand() -> None:
    logits = torch.tensor([[[0.0, 0, 0, 0], [0.0, 1, 2, 3]]])
    options = torch.tensor([[[[3, -1], [0, -1], [1, 3], [2, 2]]]])
    found = option_scores(logits, torch.tensor([[1]]), options)
    log_z = torch.tensor([0.0, 1, 2, 3]).logsumexp(0)
    assert torch.allclose(found, torch.tensor([[[3.0, 0, 2, 2]]]) - log_z)


def test_cloth_refuses_blanks_without_options(tmp_path: Path) -> None:
    passage = {"article": "a _ b _", "options": [["a", "b", "c", "d"]], "answers": ["A"]}
    (tmp_path / "p.json").write_text(json.dumps(passage))
    with pytest.raises(InputError, match="expected options and answers for 2 blanks, found 1 and 1"):
        make_task("cloth").read(tmp_path / "p.json", "")


def test_every_task_name_makes_a_task_and_other_names_are_refused() -> None:
    assert [make_task(name).name for name in TASK_NAMES] == list(TASK_NAMES)
    assert len([name for name in TASK_NAMES if name.startswith("glue:")]) == 10
    with pytest.raises(InputError, match="expected one of squad, cloth, glue:cola"):
        make_task("glue:sst3")


def test_presets_hold_the_published_figures() -> None:
    figures = {
        name: (p.recipe.length, p.recipe.stride, p.recipe.batch, p.recipe.learning_rate, p.recipe.epochs, p.threshold)
        for name, p in PRESETS.items()
    }
    squad, glue, cloth = (384, 128, 12, 3e-5, 2), (128, 0, 32, 2e-5, 3), (512, 0, 3, 5e-5, 20)
    assert figures == {
        "bert-base-squad": (*squad, 2e-3),
        "bert-base-glue": (*glue, 2e-2),
        "bert-base-cloth": (*cloth, 2e-3),
        "gpt2-squad": (*squad, 2e-3),
        "gpt2-glue": (*glue, 2e-3),
        "gpt2-cloth": (*cloth, 2e-3),
        "bart-base-squad": (*squad, 1e-2),
        "bart-base-glue": (*glue, 1e-2),
        "bart-base-cloth": (*cloth, 1e-2),
    }
