"""What the experiments share. For each seed a model is trained dense; every variant then continues from those weights
for the same number of steps on the same batches, dense included, and is evaluated on held-out data."""

from __future__ import annotations

import copy
import statistics
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ..attachment import attach, observing
from ..config import PrunerConfig
from ..density import DensityMeter

SEEDS = (0, 1, 2)


@dataclass(frozen=True)
class Variant:
    """A line of the table: `group` is its curve in the plot."""

    name: str
    group: str
    config: PrunerConfig


def sanger_variants(thresholds: tuple[float, ...], empty_row: str = "dense") -> list[Variant]:
    """Predicted masks at several thresholds. Rows that keep nothing become dense, the published rule, or as given."""
    group = "sanger" if empty_row == "dense" else f"sanger, {empty_row}"
    return [
        Variant(f"{group} {t:g}", group, PrunerConfig("sanger", threshold=t, empty_row=empty_row)) for t in thresholds
    ]


def static_variant(name: str, **parameters: Any) -> Variant:
    """A static pattern; the plot names it without its parameters."""
    return Variant(f"static {name}", f"static {name}", PrunerConfig(f"static:{name}", static=parameters))


DENSE = Variant("dense", "dense", PrunerConfig("dense"))


class Experiment(ABC):
    """A model, its data and its figure."""

    name: str
    metric: str
    steps: int
    more_steps: int
    learning_rate: float
    variants: list[Variant]
    about: dict[str, Any]

    @abstractmethod
    def build(self) -> Any:
        """A new model with random weights, from torch's generator."""

    @abstractmethod
    def loss(self, model: nn.Module, generator: torch.Generator) -> Tensor:
        """The loss on a random batch of the training data."""

    @abstractmethod
    def evaluate(self, model: nn.Module) -> float:
        """The metric on held-out data."""


def fit(experiment: Experiment, model: nn.Module, steps: int, rate: float, seed: int) -> None:
    """AdamW with a learning rate that rises over the first tenth and falls to 0."""
    optimiser = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps, pct_start=0.1)
    generator = torch.Generator().manual_seed(seed)
    model.train()
    for _ in range(steps):
        optimiser.zero_grad()
        experiment.loss(model, generator).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()


def measure(experiment: Experiment, model: nn.Module) -> dict[str, float]:
    """The metric, and the density kept on the same data."""
    model.eval()
    meter = DensityMeter({})
    with torch.inference_mode(), observing(model, meter):
        figure = experiment.evaluate(model)
    return {"density": meter.density, experiment.metric: figure}


def run_seed(experiment: Experiment, seed: int, tell: Callable[[str], None]) -> list[dict[str, Any]]:
    """Figures of every variant from one seed."""
    torch.manual_seed(seed)
    trained = attach(experiment.build(), DENSE.config)
    fit(experiment, trained, experiment.steps, experiment.learning_rate, seed)
    rows = []
    for variant in experiment.variants:
        torch.manual_seed(1000 + seed)
        model = attach(copy.deepcopy(trained), variant.config)
        fit(experiment, model, experiment.more_steps, experiment.learning_rate / 3, 1000 + seed)
        row = {"variant": variant.name, "seed": seed, **measure(experiment, model)}
        tell(
            f"seed {seed} {variant.name:<24} density {row['density']:.4f} {experiment.metric} "
            f"{row[experiment.metric]:.4f}"
        )
        rows.append(row)
    return rows


def summarise(experiment: Experiment, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Mean and sample standard deviation over seeds, per variant: of the density, of the metric, and of `change`, the
    metric less that of the dense variant from the same seed, which leaves out how seeds differ."""
    metric = experiment.metric
    dense = {row["seed"]: row[metric] for row in rows if row["variant"] == DENSE.name}
    table = []
    for variant in experiment.variants:
        own = [row for row in rows if row["variant"] == variant.name]
        figures = {
            "density": [row["density"] for row in own],
            metric: [row[metric] for row in own],
            "change": [row[metric] - dense[row["seed"]] for row in own],
        }
        row: dict[str, Any] = {"variant": variant.name, "group": variant.group, "config": variant.config.to_dict()}
        for name, values in figures.items():
            row[name] = statistics.fmean(values)
            row[f"{name}_std"] = statistics.stdev(values) if len(values) > 1 else 0.0
        table.append(row)
    return table


def run(experiment: Experiment, seeds: tuple[int, ...], tell: Callable[[str], None]) -> dict[str, Any]:
    """Everything that is written: settings, a row per variant, and the runs behind it."""
    begin, begin_cpu = time.monotonic(), time.process_time()
    rows = [row for seed in seeds for row in run_seed(experiment, seed, tell)]
    return {
        "experiment": experiment.name,
        "metric": experiment.metric,
        "about": experiment.about,
        "steps": experiment.steps,
        "more_steps": experiment.more_steps,
        "learning_rate": experiment.learning_rate,
        "seeds": list(seeds),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "seconds": round(time.monotonic() - begin),
        "cpu_seconds": round(time.process_time() - begin_cpu),
        "table": summarise(experiment, rows),
        "runs": rows,
    }
