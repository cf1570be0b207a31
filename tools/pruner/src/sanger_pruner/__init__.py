"""Sanger's predicted sparse attention on any Hugging Face model.

    import sanger_pruner as sp
    model = sp.attach(AutoModel.from_pretrained(name), sp.PrunerConfig(threshold=2e-3))
    with sp.calibrating(model):
        model(**batch)
    model(**batch)                                          # pruned
    sp.export_trace(model, [batch], "trace.safetensors")    # what the simulator replays

Names are imported on first use, so that the command's help does not wait for torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .attachment import attach, attach_saved, calibrating, detach, observing, overriding, set_thresholds, states
    from .calibrate import calibrate_density, sweep
    from .config import PrunerConfig
    from .errors import InputError
    from .export import export_trace
    from .measure import measure_model, measure_trace
    from .state import LayerCall, NotCalibrated, PrunerState
    from .thresholds import density_penalty
    from .trace import Trace, TraceWriter

__version__ = "0.1.0"

_PLACES = {
    "attachment": (
        "attach",
        "attach_saved",
        "calibrating",
        "density_penalty",
        "detach",
        "observing",
        "overriding",
        "set_thresholds",
        "states",
    ),
    "calibrate": ("calibrate_density", "sweep"),
    "config": ("PrunerConfig",),
    "errors": ("InputError",),
    "export": ("export_trace",),
    "measure": ("measure_model", "measure_trace"),
    "state": ("LayerCall", "NotCalibrated", "PrunerState"),
    "thresholds": ("density_penalty",),
    "trace": ("Trace", "TraceWriter"),
}
_MODULE_OF = {name: module for module, names in _PLACES.items() for name in names}

__all__ = [
    "InputError",
    "LayerCall",
    "NotCalibrated",
    "PrunerConfig",
    "PrunerState",
    "Trace",
    "TraceWriter",
    "attach",
    "attach_saved",
    "calibrate_density",
    "calibrating",
    "density_penalty",
    "detach",
    "export_trace",
    "measure_model",
    "measure_trace",
    "observing",
    "overriding",
    "set_thresholds",
    "states",
    "sweep",
]


def __getattr__(name: str) -> Any:
    if name in _MODULE_OF:
        return getattr(importlib.import_module(f".{_MODULE_OF[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
