"""Latency of attention on ordinary machines, to stand beside the simulated one."""
