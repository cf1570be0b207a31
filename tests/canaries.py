#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Is every planted bug found, and does the printed command find it again?

usage: canaries.py SANGER [--every N | NAME ...]    --every: each N-th of the list, and the rules for all of it

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
CYCLES, BUDGET = "10000", "5"
WORKERS = 2
DESIGNS = {"published": "published_8x8", "signed": "odd_5x7x3", "any": "odd_5x7x3", "machine": "odd_5x7x3_travelling",
           "array": "odd_5x7x3"}
# The smallest design with a fast model: the paper's formats, one vector of PEs in a row.
FAST_BASE, FAST_TRAVELLING, FAST_ARRAY = "paper_64x16_array", "paper_64x16", {"rows": 3, "columns": 21, "pes": 16}
BLOCKS = ("exp score_pe score_array binarise pack split pe delay_line pe_row pe_array normalise "
          "predict_control rebias drain "
          "feeder buffer accumulate array_control "
          "slot_control slot_row slot_array tile_loader pass_control "
          "predict_feeder predict_row predict_array memory_port fetch controller").split()
SHORT = 5  # cycles of a minimised stimulus that a reader takes in at a glance
STILL = "moved at all"  # SHORTEST: the signal that differs stood still in every shorter run that was tried
EXPLAINED = 0.75  # least share of the canaries whose stimulus is short, or long because the signal stands still until then
LENGTHS = ((0, 0), (1, 1), (2, 2), (3, 3), (4, 5), (6, 10), (11, 20), (21, 50), (51, 10**9))
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
            still = STILL in first(block, "SHORTEST")
            found.append((*figures, float(fields["seconds"]), still, first(block, "VECTORS")[len("VECTORS "):]))
    demand(found, f"{canary['name']}: no minimised stimulus")
    *smallest, command = min(found)
    check_vectors(folder, command, canary)
    return smallest


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
            *(f"{figure:g}" for figure in minimised[:-1]), "still" if minimised[-1] else "", canary["kind"]]


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


def print_lengths(found):
    """How long the minimised stimuli are, of (cycles, still). Returns a reason when too many are long without one."""
    if not found:
        return "nothing was minimised"
    print("minimised to cycles  canaries  share up to here  the signal stands still in shorter runs")
    so_far = 0
    for low, high in LENGTHS:
        inside = [still for cycles, still in found if low <= cycles <= high]
        so_far += len(inside)
        text = str(low) if low == high else f"{low}..{high}" if high < 10**9 else f"{low}.."
        print(f"{text:>19}  {len(inside):8}  {so_far / len(found):15.0%}  {sum(inside):8}")
    explained = sum(cycles <= SHORT or still for cycles, still in found) / len(found)
    print(f"{explained:.0%} show within {SHORT} cycles, or stand still in every shorter run")
    return None if explained >= EXPLAINED else f"{explained:.0%} are short or long for a reason, not {EXPLAINED:.0%}"


def run_all(chosen, every):
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
    head = ["canary", "unit", "side", "caught by", "cycle", "first signal", "cycles", "words", "bits", "window", "tries", "s",
            "why", "kind"]
    widths = [max(len(r[i]) for r in rows + [head]) for i in range(len(head))]
    for row in [head] + rows:
        print("  ".join(text.ljust(width) for text, width in zip(row, widths)).rstrip())
    reasons = [reason for _, reason in results if reason]
    too_long = print_lengths([(int(row[head.index("cycles")]), bool(row[head.index("why")])) for row in rows])
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
        return run_all([] if every > 1 else sys.argv[2:], every)


if __name__ == "__main__":
    SANGER = os.path.abspath(sys.argv[1])
    sys.exit(main())
