"""The published tasks: how their data is read, fed to a model and scored.

task = make_task("glue:sst2")
prepared = task.prepare(task.read("dev.tsv"), tokenizer, length=128)
"""

from __future__ import annotations

from ..errors import InputError
from .base import Prepared, Task
from .cloth import Cloth
from .glue import GLUE_TASKS, Glue
from .squad import Squad

TASK_NAMES = ("squad", "cloth", *(f"glue:{name}" for name in GLUE_TASKS))

__all__ = ["TASK_NAMES", "Cloth", "Glue", "Prepared", "Squad", "Task", "make_task"]


def make_task(name: str) -> Task:
    """The task of that name; InputError lists the names."""
    if name == "squad":
        return Squad()
    if name == "cloth":
        return Cloth()
    if name in TASK_NAMES:
        return Glue(name.removeprefix("glue:"))
    raise InputError(f"task: expected one of {', '.join(TASK_NAMES)}, found {name!r}")
