#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Does reset leave anything unknown, and does a second simulator give the recorded outputs?

usage: icarus_x.py SANGER

Icarus runs each unit's generated Verilog with four-valued logic. Inputs are x until reset has had its one
clock edge; then no output and no register of the signal table may hold x or z, in any cycle, and outputs have
to be those of `sanger vectors record`. Negative checks: each reset line, removed, has to be seen as an x, and
a changed vector as a difference.

Memories without a reset (the table says which) begin with anything in hardware, and with zeros in vectors, which
are x where other words would show: here they get their zeros behind the reset's edge. So an x can only come from
a register that reset forgot or from a place that does not exist, and may not be in such a memory at the end.

A unit of several designs whose Verilog is the same but for names runs in the first of them.
"""
import copy
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

DESIGNS = ("odd_5x7x3", "odd_5x7x3_travelling", "published_8x8")
CLASSES = ("legal", "illegal", "scheduled")
CYCLES, SEED, WORKERS = 500, 7, 2


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

class Row:
    """One signal of the table."""

    def __init__(self, cells):
        self.name, self.kind, self.path, self.reset = cells[0], cells[1], cells[6], cells[7]
        self.sizes, self.bits = [int(n) for n in cells[2].split(" x ")], int(cells[3])
        self.width = self.bits
        for size in self.sizes:
            self.width *= size

    def below(self, group):
        """The same signal seen from the unit that contains this one as `group`."""
        row = copy.copy(self)
        row.path = f"{group}.{self.path}"
        return row

    def objects(self):
        """Every Verilog object of the path: '#' is an index."""
        paths = [self.path]
        for size in self.sizes[:self.path.count("#")]:
            paths = [p.replace("#", str(i), 1) for p in paths for i in range(size)]
        return paths


def read_tables(path, design):
    """Unit to its rows, and those of the units inside it."""
    units, inside = {}, []
    with open(path, encoding="utf-8") as file:
        for line in file:
            cells = [cell.strip(" `") for cell in line.split("|")[1:]]
            if line.startswith(f"## {design}_"):
                rows = units.setdefault(line.strip()[len(f"## {design}_"):], [])
            elif len(cells) > 8 and cells[1] in ("in", "out", "net", "reg"):
                rows.append(Row(cells))
            elif line.startswith("Contains "):
                inside.append((rows, re.findall(r"`(u_\w+)` \((\w+)\)", line)))
    for rows, children in inside:
        rows += [row.below(group) for group, child in children for row in units[child] if row.kind == "reg"]
    demand(units and all(units.values()), f"{path}: no signal table")
    return units


class Sources:
    """The generated modules of one design."""

    def __init__(self, folder, design):
        self.design, self.text, self.files = design, {}, {}
        for name in sorted(os.listdir(folder)):
            if name.endswith(".v"):
                module = name[:-2]
                self.files[module] = os.path.join(folder, name)
                with open(self.files[module], encoding="utf-8") as file:
                    self.text[module] = file.read()

    def inside(self, module):
        """(module, instance) of each instance in it."""
        return re.findall(rf"^\s*({self.design}_\w+)\s+(\w+)\s*\(", self.text[module], re.M)

    def closure(self, top):
        seen, todo = set(), [top]
        while todo:
            module = todo.pop()
            if module not in seen:
                seen.add(module)
                todo += [m for m, _ in self.inside(module)]
        return sorted(seen)

    def nameless(self, top):
        """All Verilog of a unit without the names and the hash of its design."""
        whole = "".join(self.text[m] for m in self.closure(top))
        return re.sub(r"^// Generated .*$", "", whole, flags=re.M).replace(self.design + "_", "")

    def memory(self, top, path):
        """How many words, when the path is a Verilog memory. Names mean something in their module only."""
        *steps, name = path.split(".")
        for step in steps:
            if step.startswith("u_"):
                found = [m for m, instance in self.inside(top) if instance == step]
                demand(len(found) == 1, f"{top}: {len(found)} instances {step}")
                top = found[0]
        found = re.search(rf"logic (?:signed )?\[\d+:0\] {name} \[(\d+)\];", self.text[top])
        return found and int(found[1])


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
    names = [name if len(row.sizes) == 1 and row.sizes[0] == 1 else name.rsplit("_", len(row.sizes))[0]
             for row, name in zip([r for r in rows for _ in range(r.width // r.bits)], (c[0] for c in columns))]
    wanted = [row.name for row in rows for _ in range(row.width // row.bits)]
    plain = [c[0] for c in columns]
    same = all(n == w or p == w + "_0" for n, w, p in zip(names, wanted, plain)) and len(plain) == len(wanted)
    demand(same and sum(bits for _, bits in columns) == sum(r.width for r in rows), f"{where}: columns are not the table's")


def input_word(columns, words):
    word = at = 0
    for (_, bits), text in zip(columns, words):
        word |= int(text, 16) << at
        at += bits
    return word


# ---- the test bench ----

def bench(unit, cycles):
    ports, at = [".clk_i(clk)", ".rst_ni(rst_n)"] if unit.clocked else [], {"in": 0, "out": 0}
    for row in unit.of("in") + unit.of("out"):
        low, at[row.kind] = at[row.kind], at[row.kind] + row.width
        ports.append(f".{row.path}({row.kind}_w[{low}+:{row.width}])")
    watch = [f'    if (^dut.{path} === 1\'bx) $display("x %0d {path}", cycle);' for path in unit.registers]
    fill, last = [], []
    for path, words in unit.stored:
        each = f"    for (w = 0; w < {words}; w = w + 1) "
        fill.append(f"{each}dut.{path}[w] = 0;")
        last.append(f'{each}if (^dut.{path}[w] === 1\'bx) $display("x %0d {path}", cycle);')
    return "\n".join([
        "`timescale 1ns / 1ns", "module bench;", "  reg clk = 0, rst_n = 0;", "  integer cycle, w;",
        f"  reg [{at['in'] - 1}:0] in_w, words [0:{cycles - 1}];", f"  wire [{at['out'] - 1}:0] out_w;",
        f"  {unit.module} dut ({', '.join(ports)});", "  task look; begin", *watch,
        '    if (^out_w === 1\'bx) $display("x %0d an_output", cycle);', "  end endtask",
        "  initial begin", '    $readmemh("inputs.hex", words);',
        "    #1 clk = 1; #1 clk = 0; rst_n = 1;  // inputs are x until here", *fill,
        f"    for (cycle = 0; cycle < {cycles}; cycle = cycle + 1) begin",
        '      in_w = words[cycle]; #1 look; $display("o %b", out_w);', "      clk = 1; #1 clk = 0;", "    end", *last,
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

    def __init__(self, sources, name, rows):
        self.sources, self.design, self.name, self.rows = sources, sources.design, name, rows
        self.module = f"{self.design}_{name}"
        self.where = f"{name} of {self.design}"
        self.clocked = "input  logic clk_i" in sources.text[self.module]
        self.registers, self.stored = [], []
        for row in self.of("reg"):
            memory = sources.memory(self.module, row.path)
            demand(row.reset != "none" or memory, f"{self.where}: {row.path} has no reset and is no memory")
            words = [""] if memory is None else [f"[{w}]" for w in range(memory)]
            if row.reset == "none":
                self.stored += [(path, memory) for path in row.objects()]
            else:
                self.registers += [path + word for path in row.objects() for word in words]

    def files(self):
        return {m: self.sources.files[m] for m in self.sources.closure(self.module)}

    def of(self, kind):
        return [row for row in self.rows if row.kind == kind]


def record(unit, stimulus, path):
    """False: the unit has no such stimulus."""
    try:
        run(SANGER, "vectors", "record", "--design", unit.design, "--unit", unit.name, "--out", path,
            "--cycles", str(CYCLES), "--seed", str(SEED), "--stimulus", stimulus)
    except Failed as reason:
        if stimulus != "scheduled" or "expected a unit with scheduled stimulus" not in str(reason):
            raise
        return False
    return True


def check_unit(unit, stimulus):
    """(values compared, registers looked at)."""
    with tempfile.TemporaryDirectory() as work:
        path = os.path.join(work, "vectors")
        if not record(unit, stimulus, path):
            return 0, 0
        ins, outs, lines = read_vectors(path)
        where = f"{unit.where}, {stimulus} stimulus of seed {SEED}"
        demand(len(lines) == CYCLES, f"{where}: {len(lines)} cycles recorded, not {CYCLES}")
        check_columns(ins, unit.of("in"), where)
        check_columns(outs, unit.of("out"), where)
        words = [input_word(ins, line[0]) for line in lines]
        unknown, outputs = simulate(work, unit.files().values(), bench(unit, CYCLES), words)
    demand(not unknown, f"{where}: x in cycle {unknown[:1]}, {len(unknown)} in all")
    compared, first = compare(outs, lines, outputs)
    demand(first is None, f"{where}: {first}")
    demand(compared and (unit.registers or unit.stored or not unit.clocked), f"{where}: nothing was compared")
    known = [(c, k) for c, line in enumerate(lines) for k, word in enumerate(line[1]) if word != "x"]
    cycle, column = known[len(known) // 2]
    lines[cycle][1][column] = f"{int(lines[cycle][1][column], 16) ^ 1:x}"
    demand(compare(outs, lines, outputs)[1], f"{where}: a changed vector is not seen")
    return compared, len(unit.registers)


ASSIGNS = r"(?:for \([^)]*\) )?\w+_q(?:\[[^]]*\])? <= [^;]*;"


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
    text = unit.sources.text[module]
    line = " ".join(text[span[0]:span[1]].split())
    with tempfile.TemporaryDirectory() as work:
        files = unit.files()
        files[module] = os.path.join(work, module + ".v")
        with open(files[module], "w", encoding="utf-8") as file:
            file.write(text[:span[0]] + ";" + text[span[1]:])
        unknown, _ = simulate(work, files.values(), bench(unit, 1), [0])
    register = register_of(line)
    seen = any(path.split(".")[-1].split("[")[0] == register for _, path in unknown)
    demand(seen, f"{unit.where}: {module} without '{line}': no x in {register}")
    return 0, 0


def negative_jobs(units):
    """Each reset line of each module, in the smallest unit that has it."""
    jobs, home = [], {"score_row": "score_array", "divide": "normalise"}
    for unit in units:
        for name in [unit.name] + [child for child, parent in home.items() if parent == unit.name]:
            module = f"{unit.design}_{name}"
            jobs += [(check_without, (unit, module, span)) for span in reset_lines(unit.sources.text[module])]
        texts = [unit.sources.text[module] for module in unit.sources.closure(unit.module)]
        named = {register_of(text[a:b]) for text in texts for a, b in reset_lines(text)}
        missed = {row.path.split(".")[-1] for row in unit.of("reg") if row.reset != "none"} - named
        demand(not missed, f"{unit.where}: no reset line found of {sorted(missed)}")
    return jobs


def attempt(job):
    """((values, registers), reason or None)"""
    check, arguments = job
    try:
        return check(*arguments), None
    except (Failed, OSError, subprocess.TimeoutExpired) as reason:
        return (0, 0), str(reason)


def list_units(root):
    units, known = [], set()
    for design in DESIGNS:
        folder = os.path.join(root, design)
        run(SANGER, "generate", "--design", design, "--out", folder)
        sources = Sources(folder, design)
        for name, rows in read_tables(os.path.join(folder, f"{design}_signals.md"), design).items():
            unit = Unit(sources, name, rows)
            text = sources.nameless(unit.module)
            if text not in known:
                units.append(unit)
            known.add(text)
    return units


def main():
    with tempfile.TemporaryDirectory() as root, ThreadPoolExecutor(WORKERS) as pool:
        units = list_units(root)
        jobs = [(check_unit, (unit, stimulus)) for unit in units for stimulus in CLASSES]
        negative = negative_jobs(units)
        results = list(pool.map(attempt, jobs + negative))
    reasons = [reason for _, reason in results if reason]
    for reason in reasons:
        print("FAIL", reason)
    values = sum(counts[0] for counts, _ in results)
    runs = sum(counts[0] > 0 for counts, _ in results)
    registers, stored = (sum(len(part) for part in parts) for parts in
                         ([unit.registers for unit in units], [unit.stored for unit in units]))
    print(f"{len(units)} units, {runs} runs of {CYCLES} cycles, seed {SEED}: {values} outputs compared, "
          f"{registers} registers free of x in each cycle, {stored} memories at the end; {len(negative)} reset lines "
          f"removed, one at a time; {len(reasons)} failures")
    return 1 if reasons or not values or not registers or not stored or not negative else 0


if __name__ == "__main__":
    SANGER = os.path.abspath(sys.argv[1])
    try:
        sys.exit(main())
    except (Failed, OSError) as error:
        sys.exit(f"FAIL {error}")
