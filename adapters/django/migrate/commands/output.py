"""What the commands that write reports have in common: several formats, each to where it is to go."""

import errno
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from hybrid.bridge.errors import ConfigError

F = TypeVar("F", bound=Callable[..., Any])

#: What stands for standard output.
STDOUT: Final = "-"


def output_options(formats: Iterable[str]) -> Callable[[F], F]:
    """Add ``--format`` and ``--output``, which :func:`paired` puts together.

    Args:
        formats: their names, the default first.
    """
    names = [*formats]

    def add(command: F) -> F:
        written = click.option(
            "--format",
            "formats",
            type=click.Choice(names),
            multiple=True,
            help=f"How to write the report: {names[0]} unless said otherwise. May be repeated.",
        )
        where = click.option(
            "--output",
            "outputs",
            metavar="FILE",
            multiple=True,
            help="Where to write it: - is standard output. May be repeated, one for each --format.",
        )
        return written(where(command))

    return add


def paired(
    formats: tuple[str, ...], outputs: tuple[str, ...], default: str, need: Callable[[str], object]
) -> list[tuple[str, str]]:
    """Return each format with where it goes, once all of them can be written.

    Args:
        formats: what was asked for; none for ``default``.
        outputs: the same; none for standard output.
        default: the name of a format.
        need: loads what a format takes.

    Raises:
        click.UsageError: they are not as many, something is missing, or a file cannot be written.
    """
    formats = formats or (default,)
    if len(formats) == 1 and not outputs:
        outputs = (STDOUT,)
    if len(formats) != len(outputs):
        raise click.UsageError(
            f"--output: {len(formats)} of --format and {len(outputs)} of --output: one for each is needed"
        )
    if outputs.count(STDOUT) > 1:
        raise click.UsageError("--output: only one report can go to standard output")
    try:
        for name in formats:
            need(name)
    except ConfigError as error:
        raise click.UsageError(str(error)) from None
    for each in outputs:
        refuse_unwritable(each)
    return list(zip(formats, outputs, strict=True))


def refuse_unwritable(output: str) -> None:
    """Fail before there is anything to write, which may take long, rather than after.

    Raises:
        click.UsageError: a file of this name could not be written. It is not made yet.
    """
    if output == STDOUT:
        return
    path = Path(output)
    code = 0
    if path.is_dir():
        code = errno.EISDIR
    elif not path.parent.is_dir():
        code = errno.ENOTDIR if path.parent.exists() else errno.ENOENT
    elif not os.access(path if path.exists() else path.parent, os.W_OK):
        code = errno.EACCES
    if code:
        raise _unwritable(output, os.strerror(code))


def _unwritable(output: str, why: str | None) -> click.UsageError:
    return click.UsageError(f"--output: cannot write {output}: {why}")


def write(output: str, render: Callable[[bool], str]) -> None:
    """Write one report.

    Args:
        output: where to.
        render: makes its text, without a line end after the last line; it is told whether this may be
            coloured.

    Raises:
        click.UsageError: the file cannot be written.
    """
    if output == STDOUT:
        coloured = sys.stdout.isatty()
        click.echo(render(coloured), color=coloured)
        return
    try:
        Path(output).write_text(f"{render(False)}\n", encoding="utf-8")
    except OSError as error:
        raise _unwritable(output, error.strerror) from None
