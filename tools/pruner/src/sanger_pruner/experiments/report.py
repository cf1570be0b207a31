"""What an experiment writes: NAME.json, the table NAME.md and the plot NAME.png."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..files import replacing, write_json
from ..plot import new_figure, save_figure


def write_report(folder: Path, result: dict[str, Any]) -> list[Path]:
    """The three files, in a folder that is made if missing."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{result['experiment']}.{ending}" for ending in ("json", "md", "png")]
    write_json(paths[0], result)
    with replacing(paths[1]) as temporary:
        temporary.write_text(markdown(result), encoding="utf-8")
    plot(paths[2], result)
    return paths


def markdown(result: dict[str, Any]) -> str:
    """A table of means and standard deviations over seeds."""
    metric = result["metric"]
    about = ", ".join(f"{name} {value}" for name, value in result["about"].items())
    lines = [
        f"# {result['experiment']}: {metric} against density",
        "",
        f"{about}.",
        "",
        f"{len(result['seeds'])} seeds; {result['steps']} steps dense, then {result['more_steps']} as the variant. "
        "Mean ± standard deviation over seeds.",
        "",
        f"| variant | density | {metric} |",
        "| --- | --- | --- |",
    ]
    for row in result["table"]:
        cells = [
            f"{row[name]:.{digits}f} ± {row[f'{name}_std']:.{digits}f}"
            for name, digits in (("density", 3), (metric, 2))
        ]
        lines.append(f"| {row['variant']} | {cells[0]} | {cells[1]} |")
    return "\n".join(lines) + "\n"


def plot(path: Path, result: dict[str, Any]) -> None:
    """The metric over density with error bars of one standard deviation; dense is a level to compare with."""
    metric, table = result["metric"], result["table"]
    figure, axes = new_figure()
    dense = next(row for row in table if row["group"] == "dense")
    axes.axhline(dense[metric], color="gray", linewidth=1, linestyle="--")
    for group in dict.fromkeys(row["group"] for row in table):
        rows = sorted((r for r in table if r["group"] == group), key=lambda r: float(r["density"]))
        axes.errorbar(
            [r["density"] for r in rows],
            [r[metric] for r in rows],
            xerr=[r["density_std"] for r in rows],
            yerr=[r[f"{metric}_std"] for r in rows],
            marker="o",
            markersize=4,
            capsize=2,
            label=group,
        )
    axes.set(xlabel="density kept", ylabel=metric, xlim=(0, 1.02), title=result["experiment"])
    axes.legend(fontsize="small")
    save_figure(figure, path)
