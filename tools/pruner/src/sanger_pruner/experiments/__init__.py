"""Two experiments that run on a CPU: what pruning costs in accuracy, against the density that it leaves."""
