"""`sanger-prune`: finds the verb, runs it, and turns bad input into one line and exit code 2."""

from __future__ import annotations

import argparse
import importlib
import signal
import sys
from collections.abc import Sequence
from types import FrameType

import sanger_pruner
from sanger_pruner.errors import InputError

VERBS = (
    "sanger_pruner.cli.export",
    "sanger_pruner.cli.measure",
    "sanger_pruner.cli.estimate",
    "sanger_pruner.cli.calibrate",
    "sanger_pruner.cli.train",
    "sanger_pruner.cli.eval",
    "sanger_pruner.cli.experiment",
    "sanger_pruner.cli.baseline",
)
"""A verb is a module with VERB, HELP, EXAMPLES, add_arguments(parser) and run(arguments) -> exit code. It imports
torch only inside run, so that help is quick."""

INTERRUPTED = 130


def build_parser() -> argparse.ArgumentParser:
    """The parser of all verbs."""
    modules = [importlib.import_module(name) for name in VERBS]
    listed = "\n".join(f"  {module.VERB:<12}{module.HELP}" for module in modules)
    parser = argparse.ArgumentParser(
        prog="sanger-prune",
        usage="sanger-prune [-h] [--version] VERB ...",
        description=f"Sanger's predicted sparse attention on any Hugging Face model.\n\nverbs:\n{listed}\n\n"
        "sanger-prune VERB --help describes one.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Exit codes: 0 done, 2 bad usage or input, 130 interrupted.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {sanger_pruner.__version__}")
    verbs = parser.add_subparsers(prog="sanger-prune", metavar="VERB", required=True, help=argparse.SUPPRESS)
    for module in modules:
        verb = verbs.add_parser(
            module.VERB,
            help=module.HELP,
            description=module.__doc__,
            epilog=f"examples:\n{module.EXAMPLES}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_arguments(verb)
        verb.set_defaults(run=module.run)
    return parser


def _terminate(signum: int, frame: FrameType | None) -> None:
    # A polite kill cleans up as ^C does.
    raise KeyboardInterrupt


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    signal.signal(signal.SIGTERM, _terminate)
    arguments = build_parser().parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except InputError as error:
        print(f"sanger-prune: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("sanger-prune: interrupted, unfinished files are removed", file=sys.stderr)
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
