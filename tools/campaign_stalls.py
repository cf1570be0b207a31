# SPDX-License-Identifier: Apache-2.0
"""Sums scheduled runs of the machine (`sanger cosim --json` files) up as evidence for a campaign's summary.

    python3 tools/campaign_stalls.py FILE... > evidence.json
"""
import json
import sys
from pathlib import Path


def main() -> int:
    runs = [run for path in sys.argv[1:] for run in json.loads(Path(path).read_text())["runs"]]
    if not runs:
        print("campaign_stalls.py: files: expected runs of the machine, found none", file=sys.stderr)
        return 1
    rows = [f"| {r['design']} | {r['seed']} | {r['cycles']:,} | {r['checked']:,} | {r['mismatches']} |" for r in runs]
    table = "\n".join(["| design | seed | cycles | queues | mismatches |", "| --- | ---: | ---: | ---: | ---: |", *rows])
    text = ("Random queues of jobs, some of them broken, in a memory of random latency, bandwidth and queue that stalls requests and answers at "
            "random. Model and Verilog in lockstep; after every queue the whole memory is held against golden, which knows nothing of time.\n\n")
    json.dump({"title": "The machine behind a memory that stalls", "summary": text + table, "runs": runs}, sys.stdout, indent=1)
    print()
    return int(any(run["mismatches"] for run in runs))


if __name__ == "__main__":
    sys.exit(main())
