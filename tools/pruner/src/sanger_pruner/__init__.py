"""Sanger's predicted sparse attention on any Hugging Face model.

import sanger_pruner as sp
model = sp.attach(AutoModel.from_pretrained(name), sp.PrunerConfig(threshold=2e-3))
with sp.calibrating(model):
    model(**batch)
model(**batch)                       # pruned
"""

from .attach import attach, attach_saved, calibrating, detach, observing, set_thresholds, states
from .config import PrunerConfig
from .errors import InputError
from .state import LayerCall, NotCalibrated, PrunerState

__all__ = [
    "InputError",
    "LayerCall",
    "NotCalibrated",
    "PrunerConfig",
    "PrunerState",
    "attach",
    "attach_saved",
    "calibrating",
    "detach",
    "observing",
    "set_thresholds",
    "states",
]
__version__ = "0.1.0"
