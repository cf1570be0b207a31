#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Does reset leave anything unknown, and does a second simulator give the recorded outputs?

usage: icarus_x.py SANGER

Icarus runs each unit's generated Verilog with four-valued logic. Inputs are x until reset has had its one
clock edge; then no output and no register of the signal table may hold x or z, in any cycle, and outputs have
to be those of `sanger vectors record`. Negative checks: each reset line, removed, has to be seen as an x, and
a changed vector as a difference.
"""
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

DESIGNS = ("odd_5x7x3", "published_8x8")
CLASSES = ("legal", "illegal")
CYCLES, SEED, WORKERS = 200, 7, 2


class Failed(Exception):
    """One reason, one line."""


def demand(holds, text):
    if not holds:
        raise Failed(text)


def run(*command):
    done = subprocess.run(command, text=True, timeout=120, check=False, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    demand(done.returncode == 0, f"{' '.join(command[:4])}: exit code {done.returncode}: {done.stdout[-300:]}")
    return done.stdout


# ---- what the generator says ----

def read_tables(path, design):
    """Unit to rows (signal, kind, sizes, bits, Verilog name) of the signal table."""
    units = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            cells = [cell.strip(" `") for cell in line.split("|")]
            if line.startswith(f"## {design}_"):
                rows = units.setdefault(line.strip()[len(f"## {design}_"):], [])
            elif len(cells) > 7 and cells[2] in ("in", "out", "net", "reg"):
                rows.append((cells[1], cells[2], [int(n) for n in cells[3].split(" x ")], int(cells[4]), cells[7]))
    demand(units and all(units.values()), f"{path}: no signal table")
    return units


def memories(folder):
    """Words of each register that is a Verilog memory."""
    found = {}
    for name in sorted(os.listdir(folder)):
        if name.endswith(".v"):
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                found.update(re.findall(r"logic \[\d+:0\] (\w+_q) \[(\d+)\];", file.read()))
    return {name: int(words) for name, words in found.items()}


def expand(path, sizes, words):
    """Every Verilog object of a table's path: '#' is an index, memories go word by word."""
    paths = [path]
    for size in sizes[:path.count("#")]:
        paths = [p.replace("#", str(i), 1) for p in paths for i in range(size)]
    depth = words.get(path.rsplit(".", maxsplit=1)[-1])
    return paths if depth is None else [f"{p}[{w}]" for p in paths for w in range(depth)]


def width(row):
    bits = row[3]
    for size in row[2]:
        bits *= size
    return bits


# ---- vectors ----

def read_vectors(path):
    """Columns (name, bits) of both sides and one pair of word lists a cycle."""
    heads, lines = {}, []
    with open(path, encoding="utf-8") as file:
        for line in file:
            head = re.match(r"# (inputs|outputs): (.*)", line)
            if head:
                columns = [column.rsplit(":", 1) for column in head[2].split()]
                heads[head[1]] = [(name, int(bits)) for name, bits in columns]
            elif not line.startswith("#"):
                lines.append([side.split() for side in line.split("|")])
    return heads["inputs"], heads["outputs"], lines


def check_columns(columns, rows, where):
    """Columns are the table's elements in its order: so ports are slices of one long word."""
    names = [name if len(row[2]) == 1 and row[2][0] == 1 else name.rsplit("_", len(row[2]))[0]
             for row, name in zip([r for r in rows for _ in range(width(r) // r[3])], (c[0] for c in columns))]
    wanted = [row[0] for row in rows for _ in range(width(row) // row[3])]
    plain = [c[0] for c in columns]
    same = all(n == w or p == w + "_0" for n, w, p in zip(names, wanted, plain)) and len(plain) == len(wanted)
    demand(same and sum(bits for _, bits in columns) == sum(map(width, rows)), f"{where}: columns are not the table's")


def input_word(columns, words):
    word = at = 0
    for (_, bits), text in zip(columns, words):
        word |= int(text, 16) << at
        at += bits
    return word


# ---- the test bench ----

def bench(module, clocked, rows, registers, cycles):
    ins, outs = [r for r in rows if r[1] == "in"], [r for r in rows if r[1] == "out"]
    ports, at = [".clk_i(clk)", ".rst_ni(rst_n)"] if clocked else [], {"in": 0, "out": 0}
    for row in ins + outs:
        low, at[row[1]] = at[row[1]], at[row[1]] + width(row)
        ports.append(f".{row[4]}({row[1]}_w[{low}+:{width(row)}])")
    watch = [f'    if (^dut.{path} === 1\'bx) $display("x %0d {path}", cycle);' for path in registers]
    watch += [f'    if (^out_w === 1\'bx) $display("x %0d an_output", cycle);']
    return "\n".join([
        "`timescale 1ns / 1ns", "module bench;", "  reg clk = 0, rst_n = 0;", "  integer cycle;",
        f"  reg [{at['in'] - 1}:0] in_w, words [0:{cycles - 1}];", f"  wire [{at['out'] - 1}:0] out_w;",
        f"  {module} dut ({', '.join(ports)});", "  task look; begin", *watch, "  end endtask",
        "  initial begin", '    $readmemh("inputs.hex", words);',
        "    #1 clk = 1; #1 clk = 0; rst_n = 1;  // inputs are x until here",
        f"    for (cycle = 0; cycle < {cycles}; cycle = cycle + 1) begin",
        '      in_w = words[cycle]; #1 look; $display("o %b", out_w);', "      clk = 1; #1 clk = 0;", "    end",
        '    $display("end");', "    $finish;", "  end", "endmodule", ""])


def simulate(folder, sources, text, words):
    """What the bench printed: [(cycle, path) of each x], [output word of each cycle]."""
    with open(os.path.join(folder, "bench.v"), "w", encoding="utf-8") as file:
        file.write(text)
    with open(os.path.join(folder, "inputs.hex"), "w", encoding="utf-8") as file:
        file.writelines(f"{word:x}\n" for word in words)
    program = os.path.join(folder, "bench.vvp")
    run("iverilog", "-g2012", "-s", "bench", "-o", program, os.path.join(folder, "bench.v"), *sources)
    out = subprocess.run(["vvp", "-n", program], cwd=folder, text=True, timeout=120, check=False,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout.splitlines()
    demand(out and out[-1] == "end", f"vvp did not end: {out[-1:]}")
    unknown = [(int(line.split()[1]), line.split()[2]) for line in out if line.startswith("x ")]
    outputs = [line[2:] for line in out if line.startswith("o ")]
    demand(len(outputs) == len(words), f"{len(outputs)} cycles, not {len(words)}")
    return unknown, outputs


def compare(columns, lines, outputs):
    """(values compared, the first difference or None)."""
    compared, first = 0, None
    for cycle, (line, word) in enumerate(zip(lines, outputs)):
        end = len(word)
        for (name, bits), text in zip(columns, line[1]):
            seen, end = word[end - bits:end], end - bits
            if text == "x":
                continue
            compared += 1
            if first is None and seen != f"{int(text, 16):0{bits}b}":
                first = f"cycle {cycle}: {name}: expected {text}, found {seen}"
    return compared, first


# ---- checks ----

class Unit:
    """One unit of one design, generated in a folder."""

    def __init__(self, folder, design, name, rows):
        self.folder, self.design, self.name, self.rows = folder, design, name, rows
        self.module = f"{design}_{name}"
        self.where = f"{name} of {design}"
        words = memories(folder)
        self.registers = [p for r in rows if r[1] == "reg" for p in expand(r[4], r[2], words)]
        self.sources = [os.path.join(folder, f) for f in sorted(os.listdir(folder)) if f.endswith(".v")]
        self.clocked = "input  logic clk_i" in self.source(self.module)

    def source(self, module):
        with open(os.path.join(self.folder, module + ".v"), encoding="utf-8") as file:
            return file.read()

    def of(self, kind):
        return [row for row in self.rows if row[1] == kind]


def check_unit(unit, stimulus):
    """(values compared, registers looked at)."""
    with tempfile.TemporaryDirectory() as work:
        path = os.path.join(work, "vectors")
        run(SANGER, "vectors", "record", "--design", unit.design, "--unit", unit.name, "--out", path,
            "--cycles", str(CYCLES), "--seed", str(SEED), "--stimulus", stimulus)
        ins, outs, lines = read_vectors(path)
        where = f"{unit.where}, {stimulus} stimulus of seed {SEED}"
        demand(len(lines) == CYCLES, f"{where}: {len(lines)} cycles recorded, not {CYCLES}")
        check_columns(ins, unit.of("in"), where)
        check_columns(outs, unit.of("out"), where)
        text = bench(unit.module, unit.clocked, unit.rows, unit.registers, CYCLES)
        unknown, outputs = simulate(work, unit.sources, text, [input_word(ins, line[0]) for line in lines])
    demand(not unknown, f"{where}: x in cycle {unknown[:1]}, {len(unknown)} in all")
    compared, first = compare(outs, lines, outputs)
    demand(first is None, f"{where}: {first}")
    demand(compared and (unit.registers or not unit.clocked), f"{where}: nothing was compared")
    known = [(c, k) for c, line in enumerate(lines) for k, word in enumerate(line[1]) if word != "x"]
    cycle, column = known[len(known) // 2]
    lines[cycle][1][column] = f"{int(lines[cycle][1][column], 16) ^ 1:x}"
    demand(compare(outs, lines, outputs)[1], f"{where}: a changed vector is not seen")
    return compared, len(unit.registers)


ASSIGNS = r"(?:for \([^)]*\) )?\w+_q(?:\[\w+\])? <= [^;]*;"


def reset_lines(text):
    """(start, end) of each assignment to a register under !rst_ni, in a block or alone."""
    spans = [m.span(1) for m in re.finditer(rf"if \(!rst_ni[^)]*\)\s+({ASSIGNS})", text)]
    for block in re.finditer(r"if \(!rst_ni[^)]*\) begin(.*?)\bend\b", text, re.S):
        spans += [(block.start(1) + m.start(), block.start(1) + m.end()) for m in re.finditer(ASSIGNS, block[1])]
    return spans


def register_of(line):
    return line.split(" <=", maxsplit=1)[0].split()[-1].split("[")[0]


def check_without(unit, module, span):
    """With one reset line removed, the bench has to see an x right after reset."""
    text = unit.source(module)
    line = " ".join(text[span[0]:span[1]].split())
    with tempfile.TemporaryDirectory() as work:
        changed = os.path.join(work, module + ".v")
        with open(changed, "w", encoding="utf-8") as file:
            file.write(text[:span[0]] + ";" + text[span[1]:])
        sources = [changed if os.path.basename(s) == module + ".v" else s for s in unit.sources]
        unknown, _ = simulate(work, sources, bench(unit.module, True, unit.rows, unit.registers, 1), [0])
    register = register_of(line)
    seen = any(path.split(".")[-1].split("[")[0] == register for _, path in unknown)
    demand(seen, f"{unit.where}: {module} without '{line}': no x in {register}")
    return 0, 0


def negative_jobs(units):
    """Each reset line of each module, in the smallest unit that has it."""
    jobs, named = [], {}
    home = {"score_row": "score_array", "divide": "normalise"}
    for unit in units:
        for name in [unit.name] + [child for child, parent in home.items() if parent == unit.name]:
            module = f"{unit.design}_{name}"
            text = unit.source(module)
            spans = reset_lines(text)
            jobs += [(check_without, (unit, module, span)) for span in spans]
            named.setdefault(unit.design, set()).update(register_of(text[a:b]) for a, b in spans)
    for unit in units:
        missed = {row[4].split(".")[-1] for row in unit.of("reg")} - named[unit.design]
        demand(not missed, f"{unit.where}: no reset line found of {sorted(missed)}")
    return jobs


def attempt(job):
    """((values, registers), reason or None)"""
    check, arguments = job
    try:
        return check(*arguments), None
    except (Failed, OSError, subprocess.TimeoutExpired) as reason:
        return (0, 0), str(reason)


def main():
    with tempfile.TemporaryDirectory() as root, ThreadPoolExecutor(WORKERS) as pool:
        units = []
        for design in DESIGNS:
            folder = os.path.join(root, design)
            run(SANGER, "generate", "--design", design, "--out", folder)
            tables = read_tables(os.path.join(folder, f"{design}_signals.md"), design)
            units += [Unit(folder, design, name, rows) for name, rows in tables.items()]
        jobs = [(check_unit, (unit, stimulus)) for unit in units for stimulus in CLASSES]
        negative = negative_jobs(units)
        results = list(pool.map(attempt, jobs + negative))
    reasons = [reason for _, reason in results if reason]
    for reason in reasons:
        print("FAIL", reason)
    values, looks = (sum(counts[i] for counts, _ in results) for i in range(2))
    registers = sum(len(unit.registers) for unit in units)
    print(f"{len(units)} units, {len(jobs)} runs of {CYCLES} cycles, seed {SEED}: {values} outputs compared, "
          f"{registers} registers free of x in each cycle; {len(negative)} reset lines removed, one at a time; "
          f"{len(reasons)} failures")
    return 1 if reasons or not values or not looks or not negative else 0


if __name__ == "__main__":
    SANGER = os.path.abspath(sys.argv[1])
    try:
        sys.exit(main())
    except (Failed, OSError) as error:
        sys.exit(f"FAIL {error}")
