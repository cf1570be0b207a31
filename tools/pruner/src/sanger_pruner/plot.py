"""Figures without a display, saved the same bytes each time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .errors import expect
from .files import replacing

FORMATS = (".png", ".svg", ".pdf")


def new_figure(columns: int = 1) -> tuple[Any, Any]:
    """A figure and its axes, one or several in a row."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.5 * columns, 4), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(1, columns)


def save_figure(figure: Any, path: Path) -> None:
    """Save by the path's ending (.png, .svg, .pdf), without dates inside."""
    kind = path.suffix.lower()
    expect(kind in FORMATS, str(path), "a name ending in .png, .svg or .pdf", repr(kind))
    date = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(kind, {})
    with replacing(path) as temporary:
        figure.savefig(temporary, format=kind[1:], dpi=120, metadata=date)
