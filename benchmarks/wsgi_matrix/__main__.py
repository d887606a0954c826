"""The command line: asks the servers, prints what was seen, and writes the table into the page."""

import argparse
import sys
from collections.abc import Sequence

from benchmarks.wsgi_matrix.check import Check, Verdict
from benchmarks.wsgi_matrix.checks import CHECKS
from benchmarks.wsgi_matrix.document import document, write_page
from benchmarks.wsgi_matrix.runner import run
from benchmarks.wsgi_matrix.servers import CONTESTANTS, Contestant


def main(arguments: Sequence[str] | None = None) -> int:
    """Ask the servers; 2 when one of them is not installed, else 0, whatever they answered."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.write and (options.server or options.check):
        parser.error("argument --write: the page has all servers and all checks")
    contestants = [each for each in CONTESTANTS if each.name in (options.server or [each.name])]
    checks = [each for each in CHECKS if each.name in (options.check or [each.name])]
    for each in contestants:
        if missing := each.missing():
            print(f"{each.name}: not installed: {', '.join(missing)}; try `make matrix`", file=sys.stderr)
            return 2
    _ask(contestants, checks, write=options.write)
    return 0


def _ask(contestants: list[Contestant], checks: list[Check], *, write: bool) -> None:
    results: dict[str, dict[str, Verdict]] = {}
    for each in contestants:
        results[each.name] = run(each, checks, lambda line: print(line, file=sys.stderr, flush=True))
    text = document(contestants, checks, results)
    if write:
        write_page(text)
    else:
        print(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m benchmarks.wsgi_matrix", description="Ask servers about PEP 3333."
    )
    names = [each.name for each in CONTESTANTS]
    parser.add_argument("--server", action="append", choices=names, help="ask this one only; may be repeated")
    parser.add_argument(
        "--check",
        action="append",
        choices=[each.name for each in CHECKS],
        metavar="CHECK",
        help="ask this only; may be repeated",
    )
    parser.add_argument("--write", action="store_true", help="write docs/wsgi.md instead of printing")
    return parser


if __name__ == "__main__":
    sys.exit(main())
