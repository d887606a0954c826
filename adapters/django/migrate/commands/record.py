"""``hybrid migrate record``."""

import signal
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import click

from hybrid.adapters.django.migrate.commands.running import control_option, find, unreachable

EPILOG = """\b
Then, in the project's directory:
  hybrid migrate replay FILE
\b
Exit codes:
  0  what there was is in the file
  2  an option is wrong
  5  no server is reachable, or it does not serve a Django project on both lanes
"""


@contextmanager
def _at_ctrl_c(wind_up: Callable[[], object]) -> Generator[None]:
    """Let the first Ctrl-C wind up: an exception could come while what was recorded is on its way."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, before)
        wind_up()

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@click.command(
    "record", epilog=EPILOG, short_help="Record requests of a running server, and what it answers."
)
@click.option("--output", metavar="FILE", required=True, type=click.Path(dir_okay=False, path_type=Path),
              help="Where to write them; the file is made anew, and nobody else may read it.")  # fmt: skip
@control_option
@click.option("--seconds", metavar="N", type=click.FloatRange(0, 3600, min_open=True), default=60.0,
              show_default=True, help="How long, unless Ctrl-C ends it before.")  # fmt: skip
@click.option("--requests", metavar="N", type=click.IntRange(1, 10_000), default=1000, show_default=True,
              help="How many at most.")  # fmt: skip
@click.option("--percent", metavar="P", type=click.FloatRange(0, 100, min_open=True), default=100.0,
              show_default=True, help="How many of a hundred, by chance.")  # fmt: skip
@click.option("--path", "paths", metavar="GLOB", multiple=True,
              help="Only those for such paths: '/shop/*'. May be repeated.")  # fmt: skip
@click.option("--with-secrets", is_flag=True,
              help="Keep cookies, credentials and tokens, so that the requests can be sent as the same "
              "users again.")  # fmt: skip
def command(output: Path, control: str | None, **options: Any) -> None:
    """Record GET, HEAD and OPTIONS requests of a running server, with what it answers, in all its processes.

    The server needs no option for it, but serves a Django project on both lanes. No answer waits for it:
    where there is too much, requests are left out, and counted.
    """
    from hybrid.adapters.django.migrate.shadow.recordings import RecordingWriter
    from hybrid.adapters.django.migrate.shadow.served.fetching import Fetching
    from hybrid.bridge.control import ControlError

    fetching = Fetching(find(control), options)
    try:
        fetching.begin()
    except ControlError as error:
        from hybrid.adapters.django.migrate.commands.running import said_better

        unreachable(said_better(error))
    try:
        writer = RecordingWriter(output, with_secrets=options["with_secrets"], most=options["requests"])
    except OSError as error:
        fetching.forget()
        raise click.UsageError(f"--output: cannot write {output}: {error.strerror}") from None
    click.echo(f"hybrid: recording, for {options['seconds']:g} s at most; Ctrl-C ends it", err=True)
    with writer, _at_ctrl_c(fetching.wind_up):
        fetching.run(writer)
    click.echo(f"{fetching.summary()}, in {output}")
    if fetching.problem:
        click.echo(f"hybrid: {fetching.problem}", err=True)
