"""Writes the document of the differences: `make differences`. With --show, asks the servers instead."""

import argparse
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.adapters.django.alike.running import observe_sites
from tests.adapters.django.alike.table import PAGE, complaints_now, differences, rendered


def _show() -> int:
    """Ask the servers, and say what the table does not; return how much that is."""
    with TemporaryDirectory() as folder:
        found = list(differences(*observe_sites(Path(folder))))
    wrong = complaints_now(found)
    sys.stdout.writelines(f"{each}\n" for each in wrong)
    sys.stdout.write(f"{len(found)} differences, {len(wrong)} complaints\n")
    return bool(wrong)


def main() -> int:
    """Do what the command line says."""
    parser = argparse.ArgumentParser("python -m tests.adapters.django.alike", description=__doc__)
    parser.add_argument("--show", action="store_true", help="ask the servers, and compare with the table")
    if parser.parse_args().show:
        return _show()
    PAGE.write_text(rendered(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
