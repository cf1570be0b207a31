"""Exact match and F1 of SQuAD v1.1 (Rajpurkar et al., "SQuAD: 100,000+ Questions for Machine Comprehension of Text",
EMNLP 2016, section 5): answers are compared after removing punctuation, articles and case; F1 is over bags of words;
each question takes its best reference; figures are means over questions, in percent."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

ARTICLES = re.compile(r"\b(a|an|the)\b")
PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalise(answer: str) -> str:
    """Lower case, no ASCII punctuation, no articles, single spaces."""
    return " ".join(ARTICLES.sub(" ", answer.lower().translate(PUNCTUATION)).split())


def exact_match(prediction: str, reference: str) -> float:
    """1 where both are equal once normalised, else 0."""
    return float(normalise(prediction) == normalise(reference))


def f1(prediction: str, reference: str) -> float:
    """Harmonic mean of precision and recall over words, counted with multiplicity."""
    predicted, wanted = normalise(prediction).split(), normalise(reference).split()
    shared = sum((Counter(predicted) & Counter(wanted)).values())
    if not shared:
        return 0.0
    precision, recall = shared / len(predicted), shared / len(wanted)
    return 2 * precision * recall / (precision + recall)


def squad_score(predictions: Mapping[str, str], references: Mapping[str, Sequence[str]]) -> dict[str, float]:
    """Percentages {"exact_match", "f1"} over all questions of `references`; one without a prediction scores 0."""

    def mean(measure: Callable[[str, str], float]) -> float:
        best = [max(measure(predictions.get(i, ""), r) for r in answers) for i, answers in references.items()]
        return 100 * sum(best) / len(best)

    return {"exact_match": mean(exact_match), "f1": mean(f1)}
