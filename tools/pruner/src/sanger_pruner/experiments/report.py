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
        f"| variant | density | {metric} | change from dense, same seed |",
        "| --- | --- | --- | --- |",
    ]
    for row in result["table"]:
        lines.append(
            f"| {row['variant']} | {row['density']:.3f} ± {row['density_std']:.3f} "
            f"| {row[metric]:.2f} ± {row[f'{metric}_std']:.2f} | {row['change']:+.2f} ± {row['change_std']:.2f} |"
        )
    return "\n".join(lines) + "\n"


def plot(path: Path, result: dict[str, Any]) -> None:
    """Change of the metric from dense over density, with error bars of one standard deviation. Points are joined in
    the table's order, that of thresholds: density rises again where rows fall back to dense."""
    table = result["table"]
    figure, axes = new_figure()
    axes.axhline(0, color="gray", linewidth=1, linestyle="--")
    for group in dict.fromkeys(row["group"] for row in table):
        rows = [row for row in table if row["group"] == group]
        axes.errorbar(
            [row["density"] for row in rows],
            [row["change"] for row in rows],
            xerr=[row["density_std"] for row in rows],
            yerr=[row["change_std"] for row in rows],
            marker="o",
            markersize=4,
            capsize=2,
            label=group,
        )
    axes.set(xlabel="density kept", ylabel=f"{result['metric']}, change from dense", xlim=(0, 1.02))
    axes.set_title(result["experiment"])
    axes.legend(fontsize="small")
    save_figure(figure, path)
