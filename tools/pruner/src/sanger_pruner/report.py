"""What `measure` writes: the two load balance files, the JSON and the plot."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .files import replacing, write_json
from .measure import CORRECTED_COLUMNS, NAME_COLUMNS, PUBLISHED_COLUMNS, Measurement

PUBLISHED_FILE = "load_balance.csv"
CORRECTED_FILE = "load_balance_corrected.csv"
JSON_FILE = "load_balance.json"
PLOT_FILE = "load_balance.png"


def write_csv(path: Path, columns: Sequence[str], rows: list[dict[str, Any]]) -> None:
    """A CSV file; figures with 6 decimals, as published."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        for row in rows:
            writer.writerow(f"{row[c]:.6f}" if isinstance(row[c], float) else row[c] for c in columns)


def write_measurement(folder: Path, result: Measurement, about: dict[str, Any], strict: bool, plot: bool) -> list[Path]:
    """Write everything into `folder` and return the paths. `strict` leaves the name columns out of the published
    file, for readers that expect its five columns and nothing else."""
    folder.mkdir(parents=True, exist_ok=True)
    published = PUBLISHED_COLUMNS if strict else (*PUBLISHED_COLUMNS, *NAME_COLUMNS)
    write_csv(folder / PUBLISHED_FILE, published, result.published)
    write_csv(folder / CORRECTED_FILE, (*NAME_COLUMNS, *CORRECTED_COLUMNS), result.corrected)
    report = {**about, **result.report()}
    write_json(folder / JSON_FILE, report)
    paths = [folder / name for name in (PUBLISHED_FILE, CORRECTED_FILE, JSON_FILE)]
    if plot:
        plot_report(folder / PLOT_FILE, report)
        paths.append(folder / PLOT_FILE)
    return paths


def plot_report(path: Path, report: dict[str, Any]) -> None:
    """Density of every head as a map, and utilisation, recall and precision per layer as lines."""
    from .plot import new_figure, save_figure

    layers = report["layers"]
    names = [layer["layer"] for layer in layers]
    width = max(len(layer["heads"]) for layer in layers)
    nan = float("nan")
    grid = [[h["density"] for h in layer["heads"]] + [nan] * (width - len(layer["heads"])) for layer in layers]
    figure, (left, right) = new_figure(columns=2)
    image = left.imshow(grid, vmin=0, vmax=1, aspect="auto", cmap="viridis")
    figure.colorbar(image, ax=left, label="density kept")
    left.set(xlabel="head", ylabel="layer", title="density per head")
    left.set_yticks(range(len(names)), names)
    lines = {f"utilisation, {p} PEs": [x["utilisation"][str(p)]["skip"] for x in layers] for p in (16, 32)}
    for name in ("recall", "precision"):
        if all(name in layer for layer in layers):
            lines[name] = [layer[name] for layer in layers]
    for label, values in lines.items():
        right.plot(range(len(names)), values, marker="o", label=label)
    right.set(xlabel="layer", ylim=(0, 1.02), title="per layer")
    right.set_xticks(range(len(names)), names)
    right.legend()
    save_figure(figure, path)
