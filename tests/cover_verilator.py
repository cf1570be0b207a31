#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Bits that sanger cover says never moved against Verilator's own toggle coverage of the same runs.

usage: cover_verilator.py SANGER

Verilator counts a change of a bit wherever it evaluates, sanger where the lockstep compares: the same for registers,
while outputs and nets may change in between. Its report drops wide signals and lines; coverage.dat has every bit.
"""
import json
import math
import re
import subprocess
import sys
import tempfile
from pathlib import Path

# unit, cycles: few, so that bits are missed; a memory, packed vectors, scalars, nets
UNITS = [("delay_line", 3), ("memory_port", 6), ("split", 12), ("predict_control", 400), ("slot_control", 4)]
DESIGN = "odd_5x7x3_travelling"
sanger = sys.argv[1]


def numbers(text):
    """"7-4,1" or "0-3": what it lists."""
    for part in text.split(","):
        ends = sorted(int(n) for n in part.split("-"))
        yield from range(ends[0], ends[-1] + 1)


def table(folder, unit):
    """name -> (kind, Verilog name, bits, elements in a word of a memory) of a unit's signals."""
    page = (folder / f"{DESIGN}_signals.md").read_text().split(f"\n## {DESIGN}_{unit}\n")[1].split("\n## ")[0]
    rows = [[cell.strip(" `") for cell in line.split("|")[1:-1]] for line in page.splitlines() if line.startswith("| `")]
    return {row[0]: (row[1], row[6], int(row[3]), math.prod(int(n) for n in row[2].split(" x ")[1:])) for row in rows}


def never_moved(report, signals):
    """{(Verilog name, element, bit)} of bits that neither rose nor fell, by kind."""
    bits = {"reg": set(), "other": set()}
    for line in report["missed"]:
        found = re.fullmatch(r"(\w+)\[([\d-]+)\]\[([\d,-]+)\]", line["points"])
        if not found:
            continue
        kind, name = signals[found[1]][:2]
        bits["reg" if kind == "reg" else "other"] |= {
            (name, element, bit) for element in numbers(found[2]) for bit in numbers(found[3])}
    return bits


def counted(prefix, top):
    """object -> changes, of the unit's own signals, over all classes."""
    counts = {}
    for path in prefix.parent.glob(prefix.name + ".*"):
        for line in path.read_text(errors="replace").splitlines():
            found = re.search(rf"\x01o\x02([^\x01]+)\x01h\x02TOP\.{top}' (\d+)$", line)
            if found:
                counts[found[1]] = counts.get(found[1], 0) + int(found[2])
    return counts


def compare(folder, unit, cycles):
    prefix = folder / unit
    command = [sanger, "cover", "--design", DESIGN, "--unit", unit, "--cycles", str(cycles), "--json", "--verilator", str(prefix)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode not in (0, 1):
        sys.exit(f"{' '.join(command)}: exit code {done.returncode}: {done.stderr}")
    signals = table(folder, unit)
    mine = never_moved(json.loads(done.stdout)[0], signals)
    counts = counted(prefix, f"{DESIGN}_{unit}")
    wrong = points = still = 0
    for kind, verilog, bits, lanes in signals.values():
        if kind not in ("reg", "out", "net") or "." in verilog:
            continue
        for key in (key for key in counts if key == verilog or key.startswith(verilog + "[")):
            index = [int(n) for n in re.findall(r"\[(\d+)\]", key)] or [0]
            word = index[0] if len(index) == 2 else 0  # of a memory
            element, bit = word * lanes + index[-1] // bits, index[-1] % bits
            points += 1
            mine_still = (verilog, element, bit) in mine["reg" if kind == "reg" else "other"]
            still += mine_still
            if (counts[key] == 0) == mine_still or (kind != "reg" and mine_still):
                continue
            wrong += 1
            if wrong < 9:
                print(f"{unit}: {key}: Verilator counted {counts[key]} changes, sanger says it {'never moved' if mine_still else 'moved'}")
    print(f"{unit}: {points} bits, {still} never moved, {wrong} differ")
    if not points or not still or still == points:
        sys.exit(f"{unit}: expected bits that moved and bits that did not, found {still} of {points}")
    return wrong


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        subprocess.run([sanger, "generate", "--design", DESIGN, "--out", name], check=True, capture_output=True)
        wrong = sum(compare(folder, unit, cycles) for unit, cycles in UNITS)
    sys.exit(1 if wrong else 0)


main()
