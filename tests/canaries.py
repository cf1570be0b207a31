#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Is every planted bug found, and does the printed command find it again?

usage: canaries.py SANGER [--every N | [--save FILE] NAME ...]    --every: each N-th of the list, and the rules for all of it;
                                                                  --save: how small they are as JSON too

Each canary runs under the regression's own stimulus on a small design. It has to end with exit code 1 and a
MISMATCH line of its unit; the REPRODUCE command has to give the same first line; the same run of the clean
design has to pass. The smallest stimulus of the report, a file of cycle vectors, has to fail with the canary
and to hold without it; a table at the end says how small they are. Every block needs canaries on both sides,
every kind of bug at least one.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
CYCLES, BUDGET = "10000", "10"
WORKERS = 2
DESIGNS = {"published": "published_8x8", "signed": "odd_5x7x3", "any": "odd_5x7x3", "machine": "odd_5x7x3_travelling",
           "array": "odd_5x7x3", "strips": "full_4x4x4_travelling"}
# The smallest design with a fast model: the paper's formats, one vector of PEs in a row.
FAST_BASE, FAST_TRAVELLING, FAST_ARRAY = "paper_64x16_array", "paper_64x16", {"rows": 3, "columns": 21, "pes": 16}
BLOCKS = ("exp score_pe score_array binarise pack split pe delay_line pe_row pe_array normalise "
          "predict_control rebias drain "
          "feeder buffer accumulate array_control "
          "slot_control slot_row slot_array tile_loader pass_control "
          "predict_feeder predict_row predict_array memory_port fetch controller").split()
SHORT = 5  # cycles of a minimised stimulus that a reader takes in at a glance
STILL = "moved at all"  # SHORTEST: the signal that differs stood still in every shorter run that was tried
NEAR = 1.2  # times the shortest path that is proved
EXPLAINED = 0.75  # least share of the canaries whose stimulus is short, or long because the signal stands still until then
LENGTHS = ((0, 0), (1, 1), (2, 2), (3, 3), (4, 5), (6, 10), (11, 20), (21, 50), (51, 10**9))
HEAD = ["canary", "unit", "side", "caught by", "cycle", "first signal", "cycles", "words", "bits", "window", "tries", "s", "proved",
        "of", "why", "kind"]
CYCLES_AT, SECONDS_AT, PROVED_AT, OF_AT, WHY_AT = (HEAD.index(name) for name in ("cycles", "s", "proved", "of", "why"))
KINDS = "delay operand order handshake clear reset lut sign width bound count".split()


class Failed(Exception):
    """One reason, one line."""


def demand(holds, text):
    if not holds:
        raise Failed(text)


def run(command, folder, env=None):
    """Exit code and both outputs; a list runs as it is, a line through the shell as a reader would type it."""
    env = dict(os.environ, **(env or {}))
    env["PATH"] = os.path.dirname(SANGER) + os.pathsep + env["PATH"]
    done = subprocess.run(command, shell=isinstance(command, str), cwd=folder, env=env, text=True, timeout=300,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    return done.returncode, done.stdout, done.stderr


def cosim(folder, design, *options, env=None):
    return run([SANGER, "cosim", "--design", design, "--cycles", CYCLES, "--budget", BUDGET, *options], folder, env)


def list_canaries():
    code, out, _ = run([SANGER, "cosim", "--list-canaries"], ".")
    demand(code == 0, "--list-canaries fails")
    rows = [line.split(None, 4) for line in out.splitlines()]
    return [dict(zip(("name", "side", "unit", "arithmetic", "kind"), row)) for row in rows]


def make_fast_design(folder, base):
    with open(os.path.join(ROOT, "designs", base + ".json"), encoding="utf-8") as file:
        design = json.load(file)
    name = "fast_3x21x16" + ("_travelling" if base == FAST_TRAVELLING else "")
    design.update(name=name, summary="For the fast model's planted bugs.", array=FAST_ARRAY)
    design["prediction"].update(rows=FAST_ARRAY["rows"], columns=FAST_ARRAY["columns"])
    path = os.path.join(folder, name + ".json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(design, file)
    return path


def design_of(canary):
    if canary["side"] == "fast":
        return DESIGNS["fast" if canary["unit"] == "pe_array" else "fast travelling"]
    return DESIGNS[canary["arithmetic"]]


def first(out, word):
    return next((line for line in out.splitlines() if line.startswith(word + " ")), "")


def catchers(out):
    """The stimulus classes of the runs that failed."""
    return [line.split()[3] for line in out.splitlines() if line.startswith("FAIL ")]


def check_vectors(folder, command, canary):
    """A file that fails with the canary and holds without it, by the command that the report prints."""
    code, out, err = run(command, folder)
    demand(code == 1 and first(out, "FAIL"), f"{canary['name']}: vectors do not fail: {command}: {out} {err.strip()}")
    clean = command.replace(f" --canary {canary['name']}", " --model fast" if canary["side"] == "fast" else "")
    code, out, err = run(clean, folder)
    demand(code == 0 and first(out, "PASS"), f"{canary['name']}: clean vectors do not hold: {clean}: {out} {err.strip()}")


def check_minimised(folder, out, canary):
    """The figures of the smallest of the runs' stimuli, once its vectors have been checked."""
    found = []
    for block in re.split(r"^(?=FAIL )", out, flags=re.MULTILINE)[1:]:
        fields = dict(re.findall(r"(\w+)=(\S+)", first(block, "MINIMISED")))
        if "cycles" in fields and first(block, "VECTORS sanger"):
            figures = [int(fields[key]) for key in ("cycles", "words", "bits", "window", "tries")]
            found.append((*figures, float(fields["seconds"]), first(block, "SHORTEST"), first(block, "VECTORS")[len("VECTORS "):]))
    demand(found, f"{canary['name']}: no minimised stimulus")
    *smallest, shortest, command = min(found, key=lambda f: (f[0], -proved_of(f[0], f[-2])[0], f[1:]))
    check_vectors(folder, command, canary)
    return [*smallest, *proved_of(smallest[0], shortest), "still" if STILL in shortest else ""]


def proved_of(cycles, line):
    """The fewest cycles that SHORTEST proves to be needed, and what for: the bug itself, the Verilog's value then, or its first move."""
    proved = re.search(r"within (\d+) cycles \S+ does not (differ|become|move)", line)
    if not proved:
        return min(cycles, 1), "bug" if cycles <= 1 else ""
    return int(proved[1]) + 1, {"differ": "bug", "become": "value", "move": "move"}[proved[2]]


def check_canary(canary):
    """The row of the table."""
    name, design, unit = canary["name"], design_of(canary), canary["unit"]
    with tempfile.TemporaryDirectory() as folder:
        code, out, err = cosim(folder, design, "--canary", name)
        mismatch, again = first(out, "MISMATCH"), first(out, "REPRODUCE")[len("REPRODUCE "):]
        demand(code == 1, f"{name}: exit code {code}, not 1: {err.strip()}")
        demand(mismatch.startswith(f"MISMATCH {unit} "), f"{name}: no MISMATCH line of {unit}")
        demand(again.startswith("sanger cosim "), f"{name}: no REPRODUCE line")
        demand("--model" not in again, f"{name}: the model is the canary's own: {again}")
        waves = [os.path.join(root, f) for root, _, files in os.walk(folder) for f in files if f == "window.fst"]
        demand(waves and all(os.path.getsize(w) for w in waves), f"{name}: no waves")
        minimised = check_minimised(folder, out, canary)
        code, repeated, err = run(again + " --no-minimise", folder)
        demand(code == 1, f"{name}: the printed command gives exit code {code}: {again}: {err.strip()}")
        demand(first(repeated, "MISMATCH") == mismatch, f"{name}: another first mismatch from: {again}")
    fields = dict(re.findall(r"(\w+)=(\S+)", mismatch))
    return [name, unit, canary["side"], ",".join(catchers(out)), fields["cycle"], fields["signal"],
            *(f"{figure:g}" for figure in minimised[:-2]), *minimised[-2:], canary["kind"]]


def check_clean(pair):
    design, unit = pair
    code, out, err = cosim(".", design, "--unit", unit)
    demand(code == 0 and first(out, "PASS"), f"clean {unit} of {design}: exit code {code}: {err.strip()}")


def check_parents():
    """A bug shows from the block above, and not from a block that does not contain it."""
    with tempfile.TemporaryDirectory() as folder:
        for name, above in (("rtl_pe_load_adds", "pe_row"), ("model_pe_move_drops", "pe_row")):
            code, out, _ = cosim(folder, "odd_5x7x3", "--unit", above, "--canary", name)
            demand(code == 1 and first(out, f"MISMATCH {above}"), f"{name} does not show in {above}")
        code, _, err = cosim(folder, "odd_5x7x3", "--unit", "exp", "--canary", "rtl_pe_load_adds")
        demand(code == 2 and len(err.splitlines()) == 1, "a canary outside the unit is not refused")
        code, _, err = cosim(folder, "published_8x8", "--canary", "rtl_pe_load_adds")
        demand(code == 2 and len(err.splitlines()) == 1, "a canary of the other arithmetic is not refused")
        code, _, err = cosim(folder, "odd_5x7x3", "--canary", "fast_pe_array_idle")
        demand(code == 2 and len(err.splitlines()) == 1, "a canary of a model that the design lacks is not refused")


def check_rot():
    """A change that no longer fits or compiles is one line and exit code 2, and nothing is left in the cache."""
    line = "case C5_MOVE: *pe->score_q = *pe->s;"
    rots = {"nowhere": lambda text: text.replace(line, ""), "more than once": lambda text: text + f"/* {line} */\n",
            "does not compile": lambda text: text + "#error\n"}
    for reason, rot in rots.items():
        with tempfile.TemporaryDirectory() as folder:
            data, cache = os.path.join(folder, "data"), os.path.join(folder, "cache")
            for part in ("model", "rtl", "designs", "sim"):
                shutil.copytree(os.path.join(ROOT, part), os.path.join(data, part))
            source = os.path.join(data, "model", "pe.c")
            with open(source, encoding="utf-8") as file:
                text = rot(file.read())
            with open(source, "w", encoding="utf-8") as file:
                file.write(text)
            code, _, err = cosim(folder, "odd_5x7x3", "--canary", "model_pe_move_drops",
                                 env={"SANGER_DATA": data, "SANGER_CACHE": cache})
            demand(code == 2 and len(err.splitlines()) == 1 and reason in err, f"rotten canary: {code}, {err.strip()}")
            left = os.listdir(cache) if os.path.isdir(cache) else []
            demand(not left, f"rotten canary: left {left}")


def check_list(canaries):
    for block in BLOCKS:
        for side in ("rtl", "model"):
            demand(any(c["unit"] == block and c["side"] == side for c in canaries), f"{block}: no {side} canary")
    demand(any(c["side"] == "fast" for c in canaries), "the fast model has no canary")
    for kind in KINDS:
        demand(any(c["kind"].startswith(kind + ":") for c in canaries), f"no canary of kind {kind}")


def attempt(job):
    """(row or None, reason or None)"""
    check, argument = job
    try:
        return check(*argument), None
    except (Failed, OSError, subprocess.TimeoutExpired) as reason:
        return None, str(reason)


def print_lengths(rows):
    """How long the minimised stimuli are. Returns a reason when too many are long without one."""
    if not rows:
        return "nothing was minimised"
    found = [(int(row[CYCLES_AT]), int(row[PROVED_AT]), bool(row[WHY_AT])) for row in rows]
    print("minimised to cycles  canaries  share up to here  within 1.2 x of what is proved  the signal stands still in shorter runs")
    so_far = 0
    for low, high in LENGTHS:
        inside = [(near(cycles, proved), still) for cycles, proved, still in found if low <= cycles <= high]
        so_far += len(inside)
        text = str(low) if low == high else f"{low}..{high}" if high < 10**9 else f"{low}.."
        print(f"{text:>19}  {len(inside):8}  {so_far / len(found):15.0%}  {sum(n for n, _ in inside):30}  {sum(s for _, s in inside):8}")
    print(summary_of(rows))
    explained = sum(cycles <= SHORT or near(cycles, proved) or still for cycles, proved, still in found) / len(found)
    return None if explained >= EXPLAINED else f"{explained:.0%} are short or long for a reason, not {EXPLAINED:.0%}"


def near(cycles, proved):
    return cycles <= NEAR * proved


def summary_of(rows):
    long_ones = [row for row in rows if int(row[CYCLES_AT]) > SHORT]
    reached = [row[OF_AT] for row in long_ones if near(int(row[CYCLES_AT]), int(row[PROVED_AT]))]
    return (f"{len(rows) - len(long_ones)} of {len(rows)} planted bugs show within {SHORT} cycles from reset; of the other "
            f"{len(long_ones)}, {len(reached)} within {NEAR} x of a proved least number of cycles ({reached.count('bug')} proofs about the "
            f"bug, {reached.count('value')} about the value that the Verilog has then, {reached.count('move')} about its first move)")


def save(path, rows):
    """Evidence: every canary's smallest stimulus and what is proved about shorter ones."""
    found = [dict(zip(("canary", "unit", "side", "cycles", "proved_least", "proved_of", "seconds"),
                      (*row[:3], int(row[CYCLES_AT]), int(row[PROVED_AT]), row[OF_AT], float(row[SECONDS_AT])))) for row in rows]
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"title": "How small planted bugs become", "summary": summary_of(rows), "canaries": found}, file, indent=1)
        file.write("\n")


def run_all(chosen, every, evidence):
    """Exit code; prints the table and what failed."""
    planted = list_canaries()
    canaries = [c for c in planted if c["name"] in chosen] if chosen else planted[::every]
    clean = sorted({(design_of(c), c["unit"]) for c in canaries})
    jobs = [(check_clean, (pair,)) for pair in clean] + [(check_canary, (c,)) for c in canaries]
    if not chosen:
        jobs += [(check_list, (planted,)), (check_parents, ()), (check_rot, ())]
    with ThreadPoolExecutor(WORKERS) as pool:
        results = list(pool.map(attempt, jobs))
    rows = [row for row, _ in results if row]
    widths = [max(len(r[i]) for r in rows + [HEAD]) for i in range(len(HEAD))]
    for row in [HEAD] + rows:
        print("  ".join(text.ljust(width) for text, width in zip(row, widths)).rstrip())
    reasons = [reason for _, reason in results if reason]
    too_long = print_lengths(rows)
    if evidence and rows:
        save(evidence, rows)
    if too_long and not chosen:
        reasons.append(too_long)
    for reason in reasons:
        print("FAIL", reason)
    print(f"{len(canaries)} of {len(planted)} canaries, {len(rows)} caught and repeated; {len(clean)} clean units; "
          f"seed 1, {CYCLES} cycles of each class")
    return 1 if reasons or not rows or len(rows) != len(canaries) else 0


def main():
    with tempfile.TemporaryDirectory() as folder:
        DESIGNS["fast"] = make_fast_design(folder, FAST_BASE)
        DESIGNS["fast travelling"] = make_fast_design(folder, FAST_TRAVELLING)
        every = int(sys.argv[3]) if sys.argv[2:3] == ["--every"] else 1
        evidence = os.path.abspath(sys.argv[3]) if sys.argv[2:3] == ["--save"] else None
        return run_all([] if every > 1 else sys.argv[4 if evidence else 2:], every, evidence)


if __name__ == "__main__":
    SANGER = os.path.abspath(sys.argv[1])
    sys.exit(main())
