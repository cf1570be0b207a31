"""Published hyper-parameters of training, by name: `bert-base-squad`, `gpt2-glue`, `bart-base-cloth` and so on."""

from __future__ import annotations

from dataclasses import dataclass

from .errors import InputError


@dataclass(frozen=True)
class Recipe:
    """length and stride in tokens, batch in sequences, AdamW's peak learning rate (it falls linearly to 0)."""

    length: int
    batch: int
    learning_rate: float
    epochs: float
    stride: int = 0


@dataclass(frozen=True)
class Preset:
    """A model by its hub name, the task's recipe, and the published threshold for both."""

    model: str
    task: str
    recipe: Recipe
    threshold: float


RECIPES = {
    "squad": Recipe(length=384, batch=12, learning_rate=3e-5, epochs=2, stride=128),
    "glue": Recipe(length=128, batch=32, learning_rate=2e-5, epochs=3),
    "cloth": Recipe(length=512, batch=3, learning_rate=5e-5, epochs=20),
}
HUB_NAMES = {
    "bert-base": "google-bert/bert-base-uncased",
    "gpt2": "openai-community/gpt2",
    "bart-base": "facebook/bart-base",
}
THRESHOLDS = {
    "bert-base": {"squad": 2e-3, "glue": 2e-2, "cloth": 2e-3},
    "gpt2": dict.fromkeys(RECIPES, 2e-3),
    "bart-base": dict.fromkeys(RECIPES, 1e-2),
}
PRESETS = {
    f"{model}-{task}": Preset(HUB_NAMES[model], task, recipe, THRESHOLDS[model][task])
    for model in HUB_NAMES
    for task, recipe in RECIPES.items()
}


def recipe_for(task: str) -> Recipe:
    """The recipe of a task's name as the command takes it, `glue:sst2` for instance."""
    return RECIPES[task.partition(":")[0]]


def find_preset(name: str) -> Preset:
    """The preset of that name; InputError lists the names."""
    if name not in PRESETS:
        raise InputError(f"preset: expected one of {', '.join(PRESETS)}, found {name!r}")
    return PRESETS[name]
