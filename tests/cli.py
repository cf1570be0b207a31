#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Command-line tests of `sanger`: help, exit codes, hostile input, and a user's own design through every verb.

    python3 tests/cli.py SANGER [unittest options]
"""
import copy
import json
import math
import os
import re
import resource
import shlex
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TINY = ROOT / "traces/causal_tiny.safetensors"
SANGER = str(ROOT / "build/tools/sanger")
VERBS = ["design", "generate", "cosim", "cover", "regress", "campaign", "replay", "check", "trace", "vectors", "bench", "mutate"]
COMPLAINT = re.compile(r"^sanger[^:]*: .+: expected .+, found:? .+\n\Z")


def run(*arguments, env=None, cwd=None):
    """Never through a shell; the environment's additions in `env`."""
    whole = dict(os.environ, **(env or {}))
    command = [SANGER, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=whole, cwd=cwd, timeout=300)


def design(name="odd_5x7x3"):
    return json.loads((ROOT / f"designs/{name}.json").read_text())


def with_value(base, key, value):
    """A copy with "section.name" set, or removed for `...`."""
    new = copy.deepcopy(base)
    *path, last = key.split(".")
    at = new
    for part in path:
        at = at[part]
    if value is ...:
        del at[last]
    else:
        at[last] = value
    return new


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="sanger-cli-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def file(self, name, content):
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def refused(self, *arguments, says="", code=2, env=None):
        """Exit code 2, nothing on standard output, one line of field, expected and found."""
        result = run(*arguments, env=env)
        self.assertEqual((result.returncode, result.stdout), (code, ""), (arguments, result))
        self.assertRegex(result.stderr, COMPLAINT if code == 2 else r"^sanger[^\n]+\n\Z", arguments)
        self.assertIn(says, result.stderr)

    def holds(self, *arguments, env=None, cwd=None):
        result = run(*arguments, env=env, cwd=cwd)
        self.assertEqual(result.returncode, 0, (arguments, result.stdout[-2000:], result.stderr))
        return result.stdout


class Help(Case):
    def test_overview_lists_every_verb(self):
        for argument in ("--help", "-h", "help"):
            text = self.holds(argument)
            for verb in VERBS:
                self.assertRegex(text, rf"\n  {verb} ")

    def test_every_verb_has_a_page(self):
        for verb in VERBS:
            text = self.holds(verb, "--help")
            self.assertTrue(text.startswith(f"sanger {verb} - "), text)
            self.assertIn(f"usage: sanger {verb}", text)
            self.assertLess(max(map(len, text.splitlines())), 121)

    def test_version(self):
        self.assertRegex(self.holds("--version"), r"^sanger \d+\.\d+\.\d+\n\Z")

    def test_manual_knows_every_option(self):
        manual = (ROOT / "man/sanger.1").read_text()
        for verb in VERBS:
            for option in set(re.findall(r"--([a-z-]+)", self.holds(verb, "--help"))) - {"help"}:
                self.assertIn(f"-{option}", manual, verb)

    def test_no_verb_is_an_error_that_shows_the_overview(self):
        result = run()
        self.assertEqual((result.returncode, result.stdout), (2, ""))
        self.assertIn("usage: sanger VERB", result.stderr)


class Usage(Case):
    def test_mistakes(self):
        for says, *arguments in [
            ("'nope'", "cosim", "--design", "nope"),
            ("../nope", "cosim", "--design", "../nope"),
            ("--design", "cosim"),
            ("--design", "cosim", "--design"),
            ("'--bogus'", "cosim", "--bogus"),
            ("'--json=1'", "cosim", "--design", "odd_5x7x3", "--json=1"),
            ("pe_array", "cosim", "--design", "odd_5x7x3", "--unit", "alu"),
            ("--cycles", "cosim", "--design", "odd_5x7x3", "--cycles", "-1"),
            ("--cycles", "cosim", "--design", "odd_5x7x3", "--cycles", "1e6"),
            ("--cycles", "cosim", "--design", "odd_5x7x3", "--cycles", "99999999999999999999"),
            ("--seed", "cosim", "--design", "odd_5x7x3", "--seed", ""),
            ("--stimulus", "cosim", "--design", "odd_5x7x3", "--stimulus", "evil"),
            ("--model", "cosim", "--design", "odd_5x7x3", "--model", "best"),
            ("--canary", "cosim", "--design", "odd_5x7x3", "--canary", "tweety"),
            *(("--budget", verb, "--design", "odd_5x7x3", "--budget", bad) for verb in ("cosim", "regress")
              for bad in ("0", "-1", "x", "1.5", "86401")),
            ("--canary", "vectors", "check", TINY, "--design", "odd_5x7x3", "--unit", "pe", "--canary", "tweety"),
            ("published", "vectors", "check", TINY, "--design", "odd_5x7x3", "--unit", "exp", "--canary", "rtl_exp_lut_value"),
            ("--model", "vectors", "check", TINY, "--design", "odd_5x7x3", "--unit", "pe", "--model", "best"),
            ("'extra'", "cosim", "--design", "odd_5x7x3", "extra"),
            ("--choices", "cosim", "--design", "odd_5x7x3", "--unit", "pe", "--choices", "nowhere"),
            ("--choices", "cosim", "--design", "odd_5x7x3", "--unit", "pe", "--choices", "/dev/null"),
            ("--cycles", "cover", "--design", "odd_5x7x3", "--cycles", "0"),
            ("alu", "cover", "--design", "odd_5x7x3", "--unit", "alu"),
            ("nowhere", "cover", "--design", "odd_5x7x3", "--unit", "pe", "--cycles", "50", "--reasons", "nowhere"),
            ("--unit", "mutate", "--design", "odd_5x7x3"),
            ("--side", "mutate", "--design", "odd_5x7x3", "--unit", "pe", "--side", "left"),
            ("--least", "mutate", "--design", "odd_5x7x3", "--unit", "pe", "--least", "101"),
            ("found slot_row", "mutate", "--design", "odd_5x7x3", "--unit", "slot_row"),
            ("stimulus", "cosim", "--design", "odd_5x7x3", "--unit", "exp", "--stimulus", "scheduled"),
            ("--jobs", "regress", "--jobs", "0"),
            ("--cycles", "regress", "--cycles", "0"),
            ("--unit", "regress", "--unit", "alu"),
            ("--out", "generate", "--design", "odd_5x7x3"),
            ("--design", "generate", "--out", self.folder),
            ("folder", "generate", "--design", "odd_5x7x3", "--out", self.folder / "no/such"),
            ("Not a directory", "generate", "--design", "odd_5x7x3", "--out", TINY / "x"),
            ("trace", "replay", "--design", "odd_5x7x3_travelling"),
            ("trace", "replay", TINY, TINY, "--design", "odd_5x7x3_travelling"),
            ("--design", "replay", TINY),
            ("signed", "replay", TINY, "--design", "published_8x8"),
            ("--layer", "check", TINY, "--design", "odd_5x7x3_travelling", "--layer", "7"),
            ("--head", "check", TINY, "--design", "odd_5x7x3_travelling", "--head", "2"),
            ("--sequence", "check", TINY, "--design", "odd_5x7x3_travelling", "--sequence", "2"),
            ("--mask", "check", TINY, "--design", "odd_5x7x3_travelling", "--mask", "none"),
            ("--bound", "check", TINY, "--design", "odd_5x7x3_travelling", "--bound", "-0.1"),
            *(("--bound", "check", TINY, "--design", "odd_5x7x3_travelling", "--bound", bad)
              for bad in ("nan", "inf", " 0.1", "0.1 ", "+0.1", "0x1p-3", "1e", "1e999", "1\n2", "1\x1b[31m")),
            ("'a?b'", "cosim", "--design", "odd_5x7x3", "a\nb"),
            ("--threshold", "check", TINY, "--design", "odd_5x7x3_travelling", "--threshold", "x"),
            ("--lockstep", "check", TINY, "--design", "odd_5x7x3_travelling", "--lockstep"),
            *(("--memory", "check", TINY, "--design", "odd_5x7x3_travelling", "--memory", bad)
              for bad in ("", "50", "50,1", "50,1,", "50,1,64,", "50,1,64,1", " 50,1,64", "50, 1,64", "+50,1,64", "50,1,64 ", "0,1,64", "50,0,64", "50,1,0", "-1,1,64", "4097,1,64",
                          "50;1;64", "x,1,64", "1e2,1,64", "99999999999999999999,1,64")),
            ("--memory", "replay", TINY, "--design", "odd_5x7x3_travelling", "--memory"),
            ("--timeline", "check", TINY, "--design", "odd_5x7x3_travelling", "--timeline"),
            ("--timeline", "check", TINY, "--design", "odd_5x7x3_travelling", "--timeline", self.folder / "no/such"),
            ("--timeline", "check", TINY, "--design", "odd_5x7x3_travelling", "--timeline", self.folder),
            ("--timeline", "check", TINY, "--design", "odd_5x7x3_travelling", "--timeline", ""),
            ("'explode'", "trace", "explode", TINY),
            ("file", "trace", "info"),
            ("'explode'", "vectors", "explode"),
            ("--unit", "vectors", "record", "--design", "odd_5x7x3", "--out", self.folder / "v"),
            ("--out", "vectors", "record", "--design", "odd_5x7x3", "--unit", "pe"),
            ("file", "vectors", "check", "--design", "odd_5x7x3_travelling", "--unit", "pe"),
            ("'explode'", "design", "explode"),
            ("file", "design", "validate"),
            ("--seconds", "bench", "--seconds", "0"),
        ]:
            with self.subTest(arguments):
                self.refused(*arguments, says=says)
        self.assertIn("'nope'", run("nope").stderr)
        self.assertEqual(run("nope").returncode, 2)


class HostileDesigns(Case):
    def test_fields(self):
        signed, published = design(), design("published_8x8")
        for field, value, base in [
            ("name", "Odd", signed), ("name", "", signed), ("name", "9x", signed), ("name", "x" * 33, signed),
            ("name", "../x", signed), ("name", 7, signed), ("name", ..., signed), ("summary", "a\nb", signed),
            ("summary", "x" * 241, signed), ("arithmetic", "floating", signed), ("arithmetic", None, signed),
            ("control", "travelling2", signed), ("clock_hz", 0, signed), ("clock_hz", 1e300, signed),
            ("array.rows", 0, signed), ("array.rows", 129, signed), ("array.rows", 2.5, signed),
            ("array.rows", "5", signed), ("array.rows", True, signed), ("array.rows", [5], signed),
            ("array.columns", 1, signed), ("array.pes", 8, signed), ("array.pes", -1, signed), ("array.pes", ..., signed),
            ("formats.q", [13], signed), ("formats.q", [13, 9, 1], signed), ("formats.q", 13, signed),
            ("formats.q", [1, 0], signed), ("formats.q", [33, 9], signed), ("formats.q", [13, -1], signed),
            ("formats.acc", [28, 13], signed), ("formats.acc", [27, 18], signed), ("formats.out", [27, 26], signed),
            ("formats.bias", [17, 5], signed), ("formats.bias", [11, 9], signed), ("formats.q", [13, 9], published),
            ("exp.log2e", [369, 20], signed), ("exp.log2e", [600, 8], signed), ("exp.log2e", [200, 8], signed),
            ("exp.lut_bits", 0, signed), ("exp.lut_bits", 11, signed),
            ("prediction.operand_w", 9, signed), ("prediction.acc_w", 5, signed), ("prediction.scaled", [18, 19], signed),
            ("prediction.threshold", [25, 19], signed), ("prediction.scaled", [12, 8], published),
            ("pack.counter_bits", 1, signed), ("pack.mask_bits", 3, signed), ("pack.no_pe", 256, signed),
            ("split.policy", "random", signed), ("split.slots", 1, signed), ("split.row_id_w", 2, signed), ("split.window", 9, signed),
            ("normalise.lanes", 0, signed), ("normalise.lanes", 65, signed), ("normalise", ..., signed),
            ("array", [], signed), ("array", None, signed), ("formats", {}, signed),
        ]:
            with self.subTest(field=field, value=value):
                path = self.file("bad.json", json.dumps(with_value(base, field, value)))
                section = field.split(".")[0]
                self.refused("design", "validate", path, says=f"{path}: ")
                self.assertIn(section, run("design", "validate", path).stderr)

    def test_files(self):
        good = json.dumps(design())
        for says, content in [
            ("JSON", ""), ("JSON", " \n"), ("JSON", good[:-1]), ("JSON", good[: len(good) // 2]), ("JSON", "{" * 5000),
            ("JSON", "[" * 100000), ("JSON", "\xff\xfe{}".encode("latin-1")), ("JSON", "{'name': 1}"),
            ("expected {", "[]"), ("expected {", "null"), ("behind", good + "{}"), ("behind", good + "x"), ("NUL", good + "\0"),
            ("unknown", good[:-1] + ', "extra": 1}'), ("duplicate", good[:-1] + ', "name": "twice"}'),
            ("duplicate", good.replace('"rows": 5', '"rows": 5, "rows": 5', 1)),
            ("array: expected one value", good.replace('"rows": 5, "columns"', '"rows": 5}, "array": {"columns"', 1)),
            ("array.rows: expected a known field", good.replace('"array": {"rows": 5, ', '"array.rows": 5, "array": {', 1)),
            *(("array.rows: expected an integer", good.replace('"rows": 5', f'"rows": {number}', 1))
              for number in ("5.0", "5e0", "5.00000000000000000000001", "05", "+5", "-0", "9007199254740993", "true")),
            ("1 MiB", good[:-1] + " " * (1 << 20) + "}"), ("name", "{}"),
        ]:
            with self.subTest(content[:60]):
                self.refused("design", "validate", self.file("bad.json", content), says=says)
        self.refused("design", "validate", self.folder / "absent.json", says="absent.json")
        self.refused("design", "validate", f"{self.folder}/")

    def test_every_verb_refuses_them(self):
        path = self.file("bad.json", json.dumps(with_value(design(), "array.pes", 8)))
        for arguments in [("cosim",), ("regress",), ("generate", "--out", self.folder / "out"), ("replay", TINY), ("check", TINY),
                          ("vectors", "record", "--unit", "pe", "--out", self.folder / "v")]:
            self.refused(*arguments, "--design", path, says="array.pes: expected at most array.columns, found 8")
        self.assertFalse((self.folder / "out").exists())


def tensors(trace):
    size = struct.unpack("<Q", trace[:8])[0]
    return json.loads(trace[8 : 8 + size]), trace[8 + size :]


def container(header, data):
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def children(pid):
    """Of a process that may have ended."""
    try:
        return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []


class HostileTraces(Case):
    def test_files(self):
        good = TINY.read_bytes()
        header, data = tensors(good)

        def changed(name, field, value):
            new = copy.deepcopy(header)
            if field is None:
                del new[name]
            else:
                new[name][field] = value
            return container(new, data)

        first = next(name for name in header if name.endswith(".q"))
        for content in [
            b"", b"\0", good[:7], good[:8], good[:100], good[:-1], good[: len(good) // 2], good + b"\0", b"\xff" * 16,
            struct.pack("<Q", 1 << 62) + good[8:], struct.pack("<Q", 0) + good[8:], struct.pack("<Q", 10**8 + 1) + good[8:],
            container({}, b""), container([], data), container(header, b""), good[:8] + b"[" + good[9:],
            changed("__metadata__", "format", "other"), changed("__metadata__", "version", "2"), changed("__metadata__", None, 0),
            changed("__metadata__", "causal", "{}"), changed("__metadata__", "causal", "nonsense"),
            changed("__metadata__", "scaling", '{"0": 0, "1": 0}'), changed("__metadata__", "policy", '{"0": "guess", "1": "guess"}'),
            changed(first, "dtype", "F64"), changed(first, "dtype", "F32"), changed(first, "shape", [1 << 53, 1 << 53, 2, 2]),
            changed(first, "shape", [0, 2, 72, 16]), changed(first, "shape", []), changed(first, "shape", [-1]),
            changed(first, "data_offsets", [0, 1 << 60]), changed(first, "data_offsets", [5, 3]), changed(first, None, 0),
            container(dict(header, extra={"dtype": "U8", "shape": [1], "data_offsets": [len(data), len(data) + 1]}), data + b"\0"),
        ]:
            with self.subTest(content[:80]):
                path = self.file("bad.safetensors", content)
                self.refused("trace", "validate", path, says=f"{path}: ")
                self.refused("check", path, "--design", "odd_5x7x3_travelling", says=f"{path}: ")

    def test_values(self):
        """Values are read with their head: not-a-number, and a mask bit in the future."""
        header, data = tensors(TINY.read_bytes())
        for suffix, at, value in [(".q", 0, b"\x00\x7e"), (".mask", 0, b"\xff")]:
            name = next(name for name in header if name.endswith(suffix))
            begin = header[name]["data_offsets"][0] + at
            path = self.file("bad.safetensors", container(header, data[:begin] + value + data[begin + len(value) :]))
            self.refused("trace", "validate", path, says=name.rsplit(".", 1)[0])
            self.refused("check", path, "--design", "odd_5x7x3_travelling", "--jobs", "2")

    def test_not_files(self):
        self.refused("trace", "info", self.folder, says="directory")
        self.refused("trace", "info", self.folder / "absent")
        self.refused("trace", "info", "/dev/zero", says="regular file")

    def test_words_of_a_file_stay_on_their_line(self):
        header, data = tensors(TINY.read_bytes())
        header["__metadata__"].update(model="m\n\x1b[31m", source="s\x7f\u00e9")
        text = self.holds("trace", "info", self.file("words.safetensors", container(header, data)))
        self.assertIn("\n  model  m??[31m\n  source s?\u00e9\n", text)

    def test_cut_while_it_is_replayed(self):
        """A file that loses its end during a replay is an error, not a signal."""
        path = self.file("cut.safetensors", (ROOT / "traces/minilm_128.safetensors").read_bytes())
        header_bytes = 8 + struct.unpack("<Q", path.read_bytes()[:8])[0]
        command = [SANGER, "check", str(path), "--design", "paper_64x16", "--jobs", "1"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            while process.poll() is None and not children(process.pid):  # its worker: the header is read, layers are not
                time.sleep(0.001)
            os.truncate(path, header_bytes)
            out, error = process.communicate(timeout=300)
        self.assertEqual((process.returncode, out), (2, ""), error)
        self.assertRegex(error, COMPLAINT)
        self.assertIn("cut short while open", error)

    def test_sound_ones(self):
        self.assertIn("a sound trace", self.holds("trace", "validate", TINY))
        self.assertIn("layer 1", self.holds("trace", "info", TINY))


class HostileVectors(Case):
    def test_files(self):
        path = self.folder / "v.txt"
        self.holds("vectors", "record", "--design", "odd_5x7x3", "--unit", "binarise", "--out", path, "--cycles", "20")
        lines = path.read_text().splitlines()
        for content in ["", "\n", lines[0] + "\n", "\n".join(lines[:2] + ["zz | 0"]), "\n".join(lines[:2] + ["|"]),
                        "\n".join([lines[0].replace("exp", "xep")] + lines[1:]), "\n".join(lines[:2] + [lines[2] + " 1"])]:
            with self.subTest(content[-60:]):
                self.refused("vectors", "check", self.file("bad.txt", content), "--design", "odd_5x7x3", "--unit", "binarise")

    def test_a_changed_digit_is_named(self):
        path = self.folder / "v.txt"
        arguments = ("--design", "odd_5x7x3", "--unit", "binarise")
        self.holds("vectors", "record", *arguments, "--out", path, "--cycles", "50")
        figures = json.loads(self.holds("vectors", "check", path, *arguments, "--json"))
        self.assertEqual((figures["model_mismatches"], figures["rtl_mismatches"], figures["cycles"]), (0, 0, 50))
        lines = path.read_text().splitlines()
        last = lines[40]
        lines[40] = last[:-1] + ("0" if last[-1] == "1" else "1")
        result = run("vectors", "check", self.file("changed.txt", "\n".join(lines) + "\n"), *arguments)
        self.assertEqual(result.returncode, 1, result)
        self.assertRegex(result.stdout, r"MISMATCH binarise cycle=\d+ line=41 signal=any_4 ")


def claiming(path, sequences, heads, keys, mask=False):
    """A trace of little disk and any size: its data are a hole in the file."""
    header, end = {}, 0
    shapes = {"q": [sequences, heads, 1, 1], "k": [sequences, 1, keys, 1], "v": [sequences, 1, keys, 1], "valid": [sequences, -(-keys // 8)]}
    if mask:
        shapes["mask"] = [sequences, heads, 1, -(-keys // 8)]
    for name, shape in shapes.items():
        dtype = "F16" if name in "qkv" else "U8"
        begin, end = end, end + math.prod(shape) * (2 if dtype == "F16" else 1)
        header[f"layer.0.{name}"] = {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}
    words = {"format": "sanger-trace", "version": "1", "model": "m", "source": "s"}
    header["__metadata__"] = {**words, "causal": '{"0": false}', "scaling": '{"0": 1}', "threshold": '{"0": 0.5}'}
    path.write_bytes(container(header, b""))
    os.truncate(path, path.stat().st_size + end)
    return path


class Limits(Case):
    """A file that claims more than there is, is refused before anything is allocated for it: under 400 MiB of
    address space, in a few seconds, with one line."""

    def sanitized(self):
        return b"__asan_init" in Path(SANGER).read_bytes()

    def limited(self, *arguments):
        """Under a sanitizer, which reserves terabytes, without the limit."""
        command = [SANGER, *map(str, arguments)]
        limit = None if self.sanitized() else lambda: resource.setrlimit(resource.RLIMIT_AS, (400 << 20, 400 << 20))
        return subprocess.run(command, capture_output=True, text=True, timeout=60, preexec_fn=limit)

    def refused_early(self, *arguments, says):
        result = self.limited(*arguments)
        self.assertEqual((result.returncode, result.stdout), (2, ""), (arguments, result))
        self.assertRegex(result.stderr, COMPLAINT)
        self.assertIn(says, result.stderr)

    def test_traces(self):
        for says, sizes in [("at most 65536 heads", (1, 1 << 33, 1)), ("for one loaded head", (1, 1, 1 << 36)),
                            ("at most 65536 in a run", (1 << 36, 1, 1))]:
            path = claiming(self.folder / "claims.safetensors", *sizes)
            self.refused_early("check", path, "--design", "odd_5x7x3", says=says)
        path = claiming(self.folder / "claims.safetensors", 1, 1, 1 << 27)
        if not self.sanitized():  # there is no limit then, and the trace is sound
            self.refused_early("trace", "validate", path, says="memory: expected enough")
        self.refused_early("check", path, "--design", "odd_5x7x3", says="machine.keys_max")
        path.write_bytes(struct.pack("<Q", 10**8) + b"{")
        os.truncate(path, 1 << 40)
        self.refused_early("trace", "validate", path, says="header: expected")

    def test_designs(self):
        for section, fields in [("array", {"rows": 1 << 40}), ("machine", {"keys_max": 1 << 50}), ("normalise", {"lanes": 10**9}),
                                ("pack", {"mask_bits": 1 << 31}), ("machine", {"outstanding": 1 << 62})]:
            new = design()
            new[section].update(fields)
            self.refused_early("design", "validate", self.file("claims.json", json.dumps(new)), says=section)
        path = self.file("deep.json", '{"array":' * 100000)
        self.refused_early("design", "validate", path, says="less nesting")
        os.truncate(path, 1 << 40)
        self.refused_early("design", "validate", path, says="1 MiB")

    def test_the_largest_design_is_validated_and_runs(self):
        new = design("paper_64x16")
        new["name"] = "largest"
        new["array"] = {"rows": 128, "columns": 128, "pes": 64}
        new["prediction"].update(rows=128, columns=128)
        new["split"].update(row_id_w=16, window=8)
        new["normalise"] = {"lanes": 64}
        new["machine"].update(head_max=128, keys_max=4096, strips=16, bus_bytes=64, addr_w=32, outstanding=256)
        path = self.file("largest.json", json.dumps(new))
        for arguments in [("design", "validate", path), ("generate", "--design", path, "--out", self.folder / "verilog")]:
            result = self.limited(*arguments)
            self.assertEqual(result.returncode, 0, result)

    def test_vectors(self):
        path = self.file("line.txt", "# inputs: x:1\n")
        os.truncate(path, 1 << 40)
        self.refused_early("vectors", "check", path, "--design", "odd_5x7x3", "--unit", "exp", says="zero byte")
        path = self.file("line.txt", "#" * (1 << 24))
        self.refused_early("vectors", "check", path, "--design", "odd_5x7x3", "--unit", "exp", says="bytes, found more")

    def test_counts(self):
        for arguments in [("regress", "--jobs", "99999999"), ("cosim", "--design", "odd_5x7x3", "--cycles", str(1 << 60)),
                          ("check", TINY, "--design", "odd_5x7x3", "--memory", f"1,1,{1 << 40}")]:
            self.refused_early(*arguments, says="found '")


class MissingTools(Case):
    def test_exit_code_3_names_the_package(self):
        env = {"PATH": str(self.folder), "SANGER_CACHE": str(self.folder / "cache")}
        for arguments in [("cosim", "--unit", "exp"), ("replay", TINY, "--lockstep"), ("regress", "--unit", "exp", "--cycles", "300")]:
            result = run(*arguments, "--design", "odd_5x7x3_travelling", env=env)
            self.assertEqual(result.returncode, 3, result)
            self.assertEqual(result.stderr.count("\n"), 1, result.stderr)
            self.assertIn("install the package verilator", result.stderr)

    def test_a_mutation_run_names_yosys(self):
        env = {"PATH": str(self.folder), "SANGER_CACHE": str(self.folder / "cache")}
        result = run("mutate", "--unit", "score_pe", "--design", "odd_5x7x3", env=env)
        self.assertEqual((result.returncode, result.stdout), (3, ""), result)
        self.assertRegex(result.stderr, r"^sanger mutate: yosys: not found; install the package yosys\n\Z")

    def test_what_needs_no_tool_runs_without(self):
        env = {"PATH": str(self.folder), "SANGER_CACHE": str(self.folder / "cache")}
        self.holds("design", "list", env=env)
        self.holds("generate", "--design", "odd_5x7x3", "--out", self.folder / "out", env=env)
        self.holds("check", TINY, "--design", "odd_5x7x3_travelling", "--head", "0", "--layer", "0", env=env)

    def test_a_cache_that_cannot_be_made(self):
        result = run("cosim", "--design", "odd_5x7x3", "--unit", "exp", env={"SANGER_CACHE": "/dev/null/cache"})
        self.assertEqual(result.returncode, 2)
        self.assertRegex(result.stderr, COMPLAINT)


class Generate(Case):
    def test_twice_gives_the_same_bytes(self):
        for name in ("odd_5x7x3", "published_8x8"):
            listings = []
            for out in ("a", "b"):
                self.holds("generate", "--design", name, "--out", self.folder / f"{name}{out}")
                listings.append({p.name: p.read_bytes() for p in (self.folder / f"{name}{out}").iterdir()})
            self.assertEqual(listings[0], listings[1])
            self.assertGreater(len(listings[0]), 12)
            self.assertFalse([n for n in listings[0] if n.endswith(".part")])
            for file, text in listings[0].items():
                self.assertTrue(file.startswith(name), file)
                self.assertNotIn(str(ROOT).encode(), text)
                self.assertNotIn(b"@{", text)
                if file.endswith(".v"):
                    self.assertIn(b"Do not edit", text)
                    self.assertNotIn(b"parameter", text.replace(b"parameter-free", b""))

    def test_a_design_printed_is_the_design(self):
        printed = self.holds("design", "show", "odd_5x7x3")
        path = self.file("again.json", printed)
        self.assertEqual(self.holds("design", "show", path), printed)


def own_design():
    """Sizes of nobody else's: 6 rows of 3 PEs over 9 columns."""
    new = with_value(design(), "name", "own_6x9x3")
    new["array"] = {"rows": 6, "columns": 9, "pes": 3}
    new["prediction"].update(rows=6, columns=9)
    new["pack"].update(rows=6)
    return new


class OwnDesign(Case):
    def test_validate_generate_cosim_replay(self):
        path = self.file("own.json", json.dumps(own_design()))
        self.assertIn("own_6x9x3", self.holds("design", "validate", path))
        self.holds("generate", "--design", path, "--out", self.folder / "verilog")
        self.assertTrue((self.folder / "verilog/own_6x9x3_pe_array.v").exists())
        figures = json.loads(self.holds("cosim", "--design", path, "--unit", "split", "--cycles", "500", "--json"))
        self.assertEqual(figures["mismatches"], 0)
        self.assertTrue(all(r["cycles"] == 500 and r["signals"] and r["bytes"] and r["changes"] for r in figures["runs"]))
        text = self.holds("replay", TINY, "--design", path, "--layer", "0", "--head", "1", "--sequence", "1", "--lockstep", "--json")
        figures = json.loads(text)
        self.assertEqual((figures["design"], figures["schedule"], len(figures["heads"])), ("own_6x9x3", "machine", 1))
        head = figures["heads"][0]
        for key in ("sequence", "layer", "head", "length", "keys", "density", "utilisation", "passes", "sub_rows", "non_zeros",
                    "cycles", "rtl_cycles", "estimate", "bound_cycles", "accounting", "mismatches", "compared", "saturations", "mask_agreement", "row_error", "dense_row_error", "elements_within_5pct"):
            self.assertIn(key, head)
        self.assertEqual((head["layer"], head["length"], head["mismatches"]), ("0", 51, 0))
        self.assertLess(head["row_error"]["worst"], 0.05)
        self.assertTrue(all(head["compared"][key] > 0 for key in ("cycles", "signals", "bytes", "changes")))


class Bound(Case):
    def test_exit_code_1_above_it(self):
        arguments = ("check", TINY, "--design", "odd_5x7x3_travelling", "--layer", "0", "--head", "0", "--json")
        worst = json.loads(self.holds(*arguments))["total"]["row_error"]["worst"]
        self.holds(*arguments, "--bound", f"{worst * 1.01:.9f}")
        result = run(*arguments, "--bound", f"{worst * 0.99:.9f}")
        self.assertEqual(result.returncode, 1)
        self.assertIn("above the bound", result.stderr)
        self.assertIsNone(json.loads(result.stdout)["total"]["mismatches"])

    def test_workers_do_not_change_the_figures(self):
        arguments = ("check", TINY, "--design", "odd_5x7x3_travelling", "--json")
        self.assertEqual(self.holds(*arguments, "--jobs", "1"), self.holds(*arguments, "--jobs", "3"))


class Machine(Case):
    """What a replay says about cycles: three clocks, one machine."""
    HEADS = ("--layer", "0", "--sequence", "1", "--json")
    FAST, SLOW = "1,1,64", "40,2,4"

    def figures(self, verb, name, *arguments):
        return json.loads(self.holds(verb, TINY, "--design", name, *self.HEADS, *arguments))

    def test_outputs_are_those_of_every_model_whatever_the_workers(self):
        files = [self.folder / f"{name}.safetensors" for name in "abc"]
        for path, arguments in zip(files, (["--jobs", "1"], ["--jobs", "3"], ["--model", "stepped"])):
            self.holds("check", TINY, "--design", "odd_5x7x3_travelling", "--outputs", path, *arguments)
        first = files[0].read_bytes()
        header = json.loads(first[8:8 + struct.unpack("<Q", first[:8])[0]])
        self.assertEqual(header["layer.0.o"], {"dtype": "F32", "shape": [2, 2, 72, 16], "data_offsets": [0, 18432]})
        self.assertTrue(any(first[-18432:]))
        for path in files[1:]:
            self.assertEqual(path.read_bytes(), first)
        absent = self.folder / "none/o.safetensors"
        self.assertEqual(run("check", TINY, "--design", "odd_5x7x3_travelling", "--outputs", absent).returncode, 2)
        self.assertEqual(sorted(self.folder.iterdir()), files)

    def test_memory_changes_cycles_and_nothing_else(self):
        for name in ("odd_5x7x3", "odd_5x7x3_travelling"):
            fast, slow = (self.figures("check", name, "--memory", memory) for memory in (self.FAST, self.SLOW))
            for a, b in zip([*fast["heads"], fast["total"]], [*slow["heads"], slow["total"]]):
                self.assertLess(a["cycles"], b["cycles"])
                self.assertGreater(b["accounting"]["memory"], a["accounting"]["memory"])
                for key in set(a) - {"cycles", "accounting"}:
                    self.assertEqual(a[key], b[key], (name, key))
                for key in ("mac", "exp", "forward", "short_pass"):
                    self.assertEqual(a["accounting"][key], b["accounting"][key], (name, key))

    def test_every_pe_cycle_has_a_cause(self):
        for name in ("odd_5x7x3", "odd_5x7x3_travelling"):
            array = design(name)["array"]
            figures = self.figures("check", name)
            for part in [*figures["heads"], figures["total"]]:
                spent = part["accounting"]
                self.assertEqual(sum(spent.values()), part["cycles"] * array["rows"] * array["pes"])
                self.assertEqual(spent["exp"], part["non_zeros"])
                self.assertTrue(all(value >= 0 for value in spent.values()), spent)
                self.assertIsNone(part["rtl_cycles"])
            self.assertEqual(sum(h["cycles"] for h in figures["heads"]), figures["total"]["cycles"])

    def test_lockstep_counts_the_same_cycles_in_rtl(self):
        model = self.figures("check", "odd_5x7x3_travelling", "--memory", self.FAST)
        both = self.figures("replay", "odd_5x7x3_travelling", "--memory", self.FAST, "--lockstep", "--jobs", "2")
        for a, b in zip([*model["heads"], model["total"]], [*both["heads"], both["total"]]):
            self.assertEqual((a["cycles"], a["row_error"], a["accounting"]), (b["cycles"], b["row_error"], b["accounting"]))
            self.assertEqual((b["rtl_cycles"], b["mismatches"]), (b["cycles"], 0))
            self.assertGreaterEqual(b["compared"]["cycles"], b["cycles"])
        self.assertEqual(self.figures("replay", "odd_5x7x3_travelling", "--memory", self.FAST, "--lockstep", "--jobs", "1"), both)

    def test_timeline(self):
        path = self.folder / "timeline.json"
        cycles = self.figures("check", "odd_5x7x3_travelling", "--timeline", path)["total"]["cycles"]
        self.assertEqual([p.name for p in self.folder.iterdir()], ["timeline.json"])
        events = json.loads(path.read_text())["traceEvents"]
        tracks = {e["tid"]: e["args"]["name"] for e in events if e["name"] == "thread_name"}
        spans = [e for e in events if e["ph"] == "X"]
        self.assertEqual({tracks[e["tid"]] for e in spans}, {"fetch", "score", "sum", "threshold", "rebias", "array", "passes", "drain"})
        for span in spans:
            self.assertTrue(0 <= span["ts"] < span["ts"] + span["dur"] <= cycles, span)
        for number in tracks:
            mine = sorted((e["ts"], e["ts"] + e["dur"]) for e in spans if e["tid"] == number)
            self.assertTrue(all(a[1] <= b[0] for a, b in zip(mine, mine[1:])), tracks[number])


class Canaries(Case):
    def mismatch(self, *arguments):
        result = run(*arguments, cwd=self.folder)
        self.assertEqual(result.returncode, 1, result)
        return next(line for line in result.stdout.splitlines() if line.startswith("MISMATCH ")), result.stdout

    def test_report_reproduces_and_leaves_waves(self):
        listed = self.holds("cosim", "--list-canaries")
        for name in ("rtl_pe_load_adds", "model_pe_move_drops"):
            self.assertIn(name, listed)
            first, text = self.mismatch("cosim", "--design", "odd_5x7x3", "--canary", name, "--stimulus", "legal", "--report", "found")
            again = re.search(r"^REPRODUCE \S*sanger (.+)$", text, re.M).group(1)
            self.assertEqual(self.mismatch(*again.split())[0], first)
            self.assertRegex(first, r"cycle=\d+ .*signal=\w+ .*model=0x[0-9a-f]+ .*dut=0x[0-9a-f]+")
            self.assertIn("INPUT ", text)
            self.waves(first)

    def waves(self, first):
        window = next(self.folder.glob("found/**/window.fst"))
        save = window.with_suffix(".gtkw").read_text()
        signal = re.search(r"signal=([a-z_]+?)(?:_\d+)* ", first).group(1)
        self.assertIn(signal.removesuffix("_q"), save)
        report = json.loads((window.parent / "report.json").read_text())
        self.assertEqual(report["unit"], "pe")
        if shutil.which("fst2vcd"):
            vcd = subprocess.run(["fst2vcd", str(window)], capture_output=True, text=True, check=True).stdout
            for side in ("model", "dut"):
                self.assertIn(side, vcd)
            self.assertIn("$enddefinitions", vcd)

    def test_the_minimised_stimulus_fails_with_the_canary_alone(self):
        for name, unit, side in (("rtl_pe_load_adds", "pe", "rtl"), ("model_split_take", "split", "model")):
            folder = f"found by {side}"  # a path that needs quotes
            _, text = self.mismatch("cosim", "--design", "odd_5x7x3", "--canary", name, "--stimulus", "legal", "--report", folder)
            self.assertRegex(text, rf"\nMINIMISED {unit} cycles=[1-5] words=\d+ bits=\d+ signal=\w+ ")
            self.assertRegex(text, rf"\nSTIMULUS {unit} cycle=0 ")
            self.assertRegex(text, r"\nSHORTEST .+")
            command = shlex.split(re.search(r"^VECTORS sanger (.+)$", text, re.M).group(1))
            result = run(*command, cwd=self.folder)
            self.assertEqual((result.returncode, result.stdout.split()[0]), (1, "FAIL"), result)
            self.assertIn("PASS", self.holds(*command[:command.index("--canary")], cwd=self.folder))
            self.report(self.folder / folder / f"odd_5x7x3-{unit}-legal", text, name)

    def test_a_long_stimulus_says_what_is_proved(self):
        _, text = self.mismatch("cosim", "--design", "odd_5x7x3", "--canary", "rtl_normalise_valid_early", "--stimulus", "legal",
                                "--budget", "300", "--report", "proved")
        self.assertRegex(text, r"\nMINIMISED normalise cycles=17 ")
        self.assertIn("\nSHORTEST proved: within 16 cycles done_q does not differ under any stimulus\n", text)
        report = json.loads((self.folder / "proved/odd_5x7x3-normalise-legal/report.json").read_text())
        self.assertEqual((report["minimised"]["proved"]["of"], report["minimised"]["proved"]["not_within"]), ("bug", 16))

    def report(self, folder, text, name):
        """What report.json says is what was printed."""
        report = json.loads((folder / "report.json").read_text())
        minimised = report["minimised"]
        for key in ("cycles", "words", "bits", "window", "tries"):
            self.assertIn(f" {key}={minimised[key]} ", text)
        self.assertEqual(report["canary"], name)
        self.assertTrue(minimised["vectors_fail"] and minimised["minimal"] and minimised["in_time"], minimised)
        self.assertIn(minimised["replay"], text)
        first = report["differences"][0]
        self.assertEqual(int(first["xor"], 16), int(first["model"], 16) ^ int(first["dut"], 16))
        for key in ("design_hash", "rtl_hash", "sanger", "verilator", "seed", "command", "phase"):
            self.assertIn(key, report)
        lines = (folder / "minimised.txt").read_text().splitlines()
        self.assertEqual(sum(not line.startswith("#") for line in lines), minimised["vectors_cycles"])
        self.assertGreaterEqual(minimised["vectors_cycles"], minimised["cycles"])
        self.assertGreater((folder / "minimised.fst").stat().st_size, 0)

    @unittest.skipUnless(shutil.which("fst2vcd"), "fst2vcd comes with gtkwave")
    def test_the_page_of_a_failure_says_what_happens(self):
        page = subprocess.run([ROOT / "tools/failures", "--check", "--sanger", SANGER], capture_output=True, text=True, check=False)
        self.assertEqual(page.returncode, 0, page.stderr)

    def test_no_minimise_leaves_none(self):
        _, text = self.mismatch("cosim", "--design", "odd_5x7x3", "--canary", "rtl_pe_load_adds", "--no-minimise")
        self.assertNotIn("MINIMISED", text)
        self.assertTrue(list(self.folder.glob("sanger-report/*/window.fst")))
        self.assertFalse(list(self.folder.glob("sanger-report/*/minimised.*")))

    def test_the_pass_is_named(self):
        _, text = self.mismatch("cosim", "--design", "odd_5x7x3_travelling", "--unit", "slot_array",
                                "--canary", "rtl_slot_row_sum_clear", "--stimulus", "scheduled")
        self.assertRegex(text, r"\nPLACE slot_array pass=\d+ cycle=\d+ op=\w+ ")

    def test_without_the_canary_nothing_differs(self):
        self.holds("cosim", "--design", "odd_5x7x3", "--unit", "pe", "--cycles", "2000")


class Regress(Case):
    def test_json_and_junit_agree(self):
        junit = self.folder / "junit.xml"
        text = self.holds("regress", "--design", "odd_5x7x3", "--unit", "pe", "--cycles", "2000", "--json", "--junit", junit)
        figures = json.loads(text)
        self.assertEqual(figures["mismatches"], 0)
        self.assertEqual(figures["cycles"], sum(r["cycles"] for r in figures["runs"]))
        self.assertEqual(junit.read_text().count("<testcase"), len(figures["runs"]))
        for key in ("unit", "design", "stimulus", "seed", "cycles", "signals", "bytes", "changes", "mismatches", "cycles_per_s"):
            self.assertIn(key, figures["runs"][0])

    def test_the_same_seed_is_the_same_run(self):
        hashes = []
        for seed in ("5", "5", "6"):
            text = self.holds("cosim", "--design", "odd_5x7x3", "--unit", "pe", "--cycles", "300", "--seed", seed, "--json")
            hashes.append([r["output_hash"] for r in json.loads(text)["runs"]])
        self.assertEqual(hashes[0], hashes[1])
        self.assertNotEqual(hashes[0], hashes[2])


class HighCounters(Case):
    def hash_of(self, stimulus, *more):
        text = self.holds("cosim", "--design", "odd_5x7x3", "--unit", "normalise", "--stimulus", stimulus, "--cycles", "400", "--json", *more)
        return json.loads(text)["runs"][0]["output_hash"]

    def test_outputs_show_that_they_jump(self):
        self.assertNotEqual(self.hash_of("corner"), self.hash_of("corner", "--high-counters"))
        self.assertEqual(self.hash_of("legal"), self.hash_of("legal", "--high-counters"))

    def test_a_mismatch_is_repeated_with_them(self):
        arguments = ("cosim", "--design", "odd_5x7x3", "--canary", "rtl_pe_load_adds", "--stimulus", "corner", "--no-minimise")
        for more in ((), ("--high-counters",)):
            result = run(*arguments, *more, "--report", self.folder / "found")
            self.assertEqual(result.returncode, 1, result.stderr)
            self.assertEqual(" --high-counters" in result.stdout, bool(more))


class Choices(Case):
    """The same bytes are the same run, and they come before the seed."""

    def hash_of(self, seed, choices):
        path = self.folder / "choices"
        path.write_bytes(choices)
        text = self.holds("cosim", "--design", "odd_5x7x3", "--unit", "pe", "--stimulus", "legal", "--cycles", "40", "--seed", seed,
                          "--json", "--choices", path)
        return json.loads(text)["runs"][0]["output_hash"]

    def test_bytes_decide(self):
        many = bytes(range(256)) * 40
        self.assertEqual(self.hash_of("1", many), self.hash_of("1", many))
        self.assertNotEqual(self.hash_of("1", many), self.hash_of("1", many[1:]))
        self.assertNotEqual(self.hash_of("1", b"\0"), self.hash_of("2", b"\0"))  # used up: the seed goes on

    def test_a_mismatch_is_repeated_with_them(self):
        path = self.folder / "choices"
        path.write_bytes(bytes(range(7, 250)))
        arguments = ["cosim", "--design", "odd_5x7x3", "--canary", "rtl_pe_load_adds", "--stimulus", "legal", "--choices", str(path)]
        result = run(*arguments, "--report", self.folder / "found")
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertIn(f"--choices {path}", result.stdout)


class Cover(Case):
    def cover(self, *arguments, code):
        result = run("cover", "--design", "odd_5x7x3", *arguments)
        self.assertEqual(result.returncode, code, result.stderr)
        return result.stdout

    def reasons(self, *entries):
        path = self.folder / "reasons.json"
        path.write_text(json.dumps([{"units": ["exp"], "points": list(points), "reason": why} for why, *points in entries]))
        return path

    def test_a_miss_needs_a_reason_that_fits(self):
        miss = "y[0][{score_w - 1}] *"  # e^x is never negative
        self.assertIn("MISSED y[0]", self.cover("--unit", "exp", "--reasons", self.reasons(), code=1))
        text = self.cover("--unit", "exp", "--reasons", self.reasons(("never negative", miss)), "--all", code=0)
        self.assertIn("never negative", text)
        stale = self.reasons(("never negative", miss), ("wrong", "y[0][0] *"))
        self.assertIn("STALE  y[0][0] *", self.cover("--unit", "exp", "--reasons", stale, code=1))

    def test_figures(self):
        figures = json.loads(self.cover("--unit", "exp", "--json", "--cycles", "100", "--reasons", self.reasons(), code=1))[0]
        counts = [*figures["toggle"].values(), figures["functional"]]
        self.assertEqual(figures["cycles"], 100 * figures["runs"])
        missed = sum(c["points"] - c["hit"] for c in counts)
        self.assertEqual(missed, sum(m["count"] for m in figures["missed"]))
        self.assertGreater(missed, 0)
        self.assertGreater(sum(c["hit"] for c in counts), 0)


class Campaigns(Case):
    """A campaign that is killed goes on with nothing lost and nothing counted twice."""

    ARGUMENTS = ["--design", "one_pe_6x5x1", "--unit", "exp", "--cycles", "40000000", "--jobs", "2"]

    def campaign(self, name):
        return ["campaign", "--out", self.folder / name, *self.ARGUMENTS]

    def refused(self, *arguments):
        result = run(*arguments)
        self.assertEqual(result.returncode, 2, result.stdout)
        self.assertRegex(result.stderr, COMPLAINT)

    def figures(self, name):
        """The summary without times."""
        summary = json.loads((self.folder / name / "summary.json").read_text())
        for sums in (summary["total"], *summary["per_design"], *summary["per_unit"]):
            del sums["seconds"]
        return summary

    def kill_after(self, name, items):
        process = subprocess.Popen([SANGER, *map(str, self.campaign(name))], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        journal = self.folder / name / "journal.jsonl"
        while process.poll() is None and not (journal.exists() and journal.read_text().count("\n") >= items):
            pass
        process.kill()
        process.wait()
        return journal.read_text().count("\n")

    def test_killed_twice_and_resumed_gives_the_sums_of_one_start(self):
        self.holds(*self.campaign("whole"))
        whole = self.figures("whole")
        total = (self.folder / "whole/journal.jsonl").read_text().count("\n")
        self.assertLess(self.kill_after("killed", 2), total)
        with (self.folder / "killed/journal.jsonl").open("a") as journal:
            journal.write('{"unit":"exp","des')  # what a kill in the middle of a write leaves
        self.kill_after("killed", 4)
        self.holds(*self.campaign("killed"))
        self.assertEqual(self.figures("killed"), whole)
        lines = [json.loads(line) for line in (self.folder / "killed/journal.jsonl").read_text().splitlines()]
        self.assertEqual(sorted(line["item"] for line in lines), list(range(total)))
        self.assertEqual(whole["total"]["cycles"], sum(line["cycles"] for line in lines))

    def test_a_journal_that_does_not_fit_is_refused(self):
        self.ARGUMENTS = ["--design", "one_pe_6x5x1", "--unit", "exp", "--cycles", "1"]
        self.holds(*self.campaign("c"))
        journal = self.folder / "c/journal.jsonl"
        line = journal.read_text()
        for bad in (line + line, line.replace('"unit":"exp"', '"unit":"pe"'), line.replace('"mismatches":0', '"mismatches":-1'), "{}\n", "x\n"):
            journal.write_text(bad)
            self.refused(*self.campaign("c"))
        journal.write_text(line)
        self.holds(*self.campaign("c"))
        self.refused(*self.campaign("c"), "--seed", "2")  # another campaign's folder

    def test_a_mismatch_is_remembered(self):
        self.ARGUMENTS = ["--design", "one_pe_6x5x1", "--unit", "exp", "--cycles", "1"]
        self.holds(*self.campaign("c"))
        journal = self.folder / "c/journal.jsonl"
        journal.write_text(journal.read_text().replace('"mismatches":0', '"mismatches":3'))
        result = run(*self.campaign("c"))
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertEqual(self.figures("c")["total"]["mismatches"], 3)

    def test_evidence_is_shown_or_refused(self):
        self.ARGUMENTS = ["--design", "one_pe_6x5x1", "--unit", "exp", "--cycles", "1"]
        good = self.file("good.json", '{"title": "Mutation", "summary": "12 of 12 killed", "mutants": 12}')
        self.holds(*self.campaign("c"), "--evidence", good)
        self.assertIn("12 of 12 killed", (self.folder / "c/summary.md").read_text())
        self.assertEqual(self.figures("c")["evidence"][0]["mutants"], 12)
        for bad in ("{}", "[]", '{"title": "Mutation", "summary": 3}', "x"):
            self.refused(*self.campaign("c"), "--evidence", self.file("bad.json", bad))


@unittest.skipUnless(shutil.which("yosys"), "no yosys")
class Mutate(Case):
    BASE = ["mutate", "--design", "odd_5x7x3", "--unit", "score_pe", "--mutants", "60", "--json"]

    def test_every_mutant_has_one_end(self):
        text = self.holds(*self.BASE, "--longer", "2")
        side = json.loads(text)[0]
        ends = [m["end"] for m in side["list"]]
        self.assertEqual(len(ends), side["mutants"])
        counts = {"killed": "killed", "proved_equivalent": "equivalent", "undecided": "undecided", "survived": "survived"}
        for count, end in counts.items():
            self.assertEqual(side[count], ends.count(end), count)
        self.assertEqual(sum(side[count] for count in counts), side["mutants"])
        self.assertGreater(side["killed"], 30)
        self.assertAlmostEqual(side["score"], side["killed"] / (side["mutants"] - side["proved_equivalent"]))
        for m in side["list"]:
            self.assertIn("signal" if m["end"] == "killed" else "proof" if m["end"] == "equivalent" else "why", m)
            self.assertRegex(m["where"], r"^odd_5x7x3_score_pe\.v:\d+\Z")
        self.assertEqual(text, self.holds(*self.BASE, "--longer", "2"), "the same seed is the same table")

    def test_the_model_and_the_table(self):
        code = run("mutate", "--design", "odd_5x7x3", "--unit", "delay_line", "--side", "all", "--mutants", "60", "--longer", "2", "--json", "--least", "0")
        self.assertEqual(code.returncode, 0, code)
        sides = {side["side"]: side for side in json.loads(code.stdout)}
        self.assertEqual(set(sides), {"rtl", "model", "table"})
        self.assertGreater(sides["model"]["killed"], 25)
        self.assertTrue(all(re.match(r"delay_line\.c:\d+\Z", m["where"]) for m in sides["model"]["list"]))
        self.assertEqual(sides["table"]["killed"], sides["table"]["mutants"], "every entry is held by a check")
        signals = [m["signal"] for m in sides["table"]["list"] if "left out" in m["change"]]
        self.assertEqual(len(signals), 7)

    def test_one_cycle_of_stimulus_leaves_survivors(self):
        result = run(*self.BASE, "--cycles", "1", "--longer", "1")
        self.assertEqual(result.returncode, 1, result)
        side = json.loads(result.stdout)[0]
        self.assertGreater(side["survived"] + side["undecided"], 5)
        self.assertLess(side["score"], 0.9)


class FullDisk(Case):
    def test_a_write_that_fails_is_an_error(self):
        if not os.path.exists("/dev/full"):
            self.skipTest("no /dev/full")
        with open("/dev/full", "w") as full:
            result = subprocess.run([SANGER, "design", "list"], stdout=full, stderr=subprocess.PIPE, text=True)
        self.assertEqual(result.returncode, 2)


if __name__ == "__main__":
    if len(sys.argv) > 1 and not sys.argv[1].startswith("-"):
        SANGER = os.path.abspath(sys.argv.pop(1))
    unittest.main()
