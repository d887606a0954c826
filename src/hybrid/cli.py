"""The `hybrid` command: `hybrid serve` and `hybrid routes`.

Nothing heavy is imported before a command needs it, so that `hybrid --help` answers at once.

Exit codes: 0 after a drain, 1 when the server cannot bind, 2 for a wrong command line, 3 when an application
cannot be loaded or its lifespan startup fails, 130 when control-C cut something off.
"""

import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import click

EXIT_CANNOT_LOAD = 3
EXIT_INTERRUPTED = 130

#: Seconds; nothing that the command line sets may wait for ever.
LONGEST_TIMEOUT = 24 * 3600

TARGETS_HELP = """\b
A TARGET is [PREFIX=]MODULE[:ATTR][@POOL][+stream]; ATTR defaults to app, then
application.
  wsgi:app            a WSGI application takes HTTP at /, and WebSockets
                      too when no ASGI application does
  asgi:app            an ASGI application takes WebSockets at /, and HTTP
                      too when no WSGI application does
  /api=api.main:app   with a prefix, everything under that path
  /pdf=pdf:app@slow   a WSGI application on the threads of --pool slow=THREADS
  /up=files:app+stream  a WSGI application that reads request bodies as they come
"""

targets_argument = click.argument("targets", metavar="TARGET...", nargs=-1, required=True)
app_dir_option = click.option(
    "--app-dir", default=".", metavar="DIR", help="Look for the targets' modules in this directory first."
)


def run() -> None:
    """Run the command and end the process, which is what a shell asks for.

    Whatever threads the applications have left behind: they do not keep a server that has stopped.
    """
    code: object = 1
    try:
        main(prog_name="hybrid")
    except SystemExit as end:
        code = end.code
        raise
    finally:
        from hybrid.server.watchdog import end_despite_threads

        end_despite_threads(code if isinstance(code, int) else int(code is not None))


@click.group(context_settings={"show_default": True, "help_option_names": ["-h", "--help"]})
@click.version_option(package_name="hybrid-gateway", message="hybrid %(version)s")
def main() -> None:
    """Serve WSGI applications, ASGI applications and WebSockets behind one port."""


@main.command(epilog=TARGETS_HELP, short_help="Serve applications until SIGINT or SIGTERM.")
@targets_argument
@click.option("--host", default="127.0.0.1", help="Listen on this address.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8000, help="Listen on this port; 0 picks a free one."
)
@click.option(
    "--uds", metavar="PATH", show_default="none", help="Listen on a Unix socket at this path instead."
)
@click.option(
    "--fd",
    type=click.IntRange(min=0),
    show_default="none",
    help="Listen on this inherited file descriptor instead.",
)
@click.option(
    "--threads",
    type=click.IntRange(1, 10_000),
    default=16,
    help="Threads that run WSGI applications, at most.",
)
@click.option(
    "--threads-queue",
    type=click.IntRange(0, 1 << 20),
    metavar="N",
    default=1024,
    help="Let this many requests wait for a thread; one more is answered 503.",
)
@click.option(
    "--threads-queue-timeout",
    type=click.FloatRange(0, LONGEST_TIMEOUT),
    metavar="SECONDS",
    default=30.0,
    help="Answer 503 to a request that has waited for a thread for this long; 0 lets it wait.",
)
@click.option(
    "--pool",
    "pools",
    multiple=True,
    metavar="NAME=THREADS[,QUEUE]",
    show_default="none",
    help="Have another pool of threads, for targets that end in @NAME; may be repeated.",
)
@click.option(
    "--websocket-threads",
    type=click.IntRange(0, 10_000),
    metavar="N",
    default=100,
    help="Threads for the WebSockets of WSGI applications, one for each connection; 0 refuses these.",
)
@click.option(
    "--wsgi-buffer",
    type=click.IntRange(0, 1 << 30),
    metavar="BYTES",
    default=64 * 1024,
    help="Keep a request body for a WSGI application in memory up to this size, on disk beyond.",
)
@app_dir_option
@click.option(
    "--lifespan",
    type=click.Choice(["auto", "on", "off"]),
    default="auto",
    help="Run ASGI lifespan; auto goes on without it where an application has none.",
)
@click.option("--root-path", default="", metavar="PATH", help="Path that a proxy in front has taken off.")
@click.option(
    "--loop",
    type=click.Choice(["auto", "asyncio", "uvloop"]),
    default="auto",
    help="Event loop; auto prefers uvloop.",
)
@click.option(
    "--log-level",
    type=click.Choice(["critical", "error", "warning", "info", "debug"]),
    default="info",
    help="Log this level and above.",
)
@click.option("--access-log/--no-access-log", default=True, help="Log a line for each request.")
@click.option(
    "--timeout-keep-alive",
    type=click.FloatRange(0, LONGEST_TIMEOUT),
    metavar="SECONDS",
    default=5.0,
    help="Close a connection that has been idle for this long.",
)
@click.option(
    "--timeout-write",
    type=click.FloatRange(0, LONGEST_TIMEOUT),
    metavar="SECONDS",
    default=60.0,
    help="Disconnect a client that takes nothing of what waits for it for this long; 0 is never.",
)
@click.option(
    "--timeout-graceful-shutdown",
    type=click.FloatRange(0, LONGEST_TIMEOUT),
    metavar="SECONDS",
    default=30.0,
    help="Let requests in flight go on for this long after SIGINT or SIGTERM.",
)
@click.option(
    "--timeout-request",
    type=click.FloatRange(0, LONGEST_TIMEOUT),
    metavar="SECONDS",
    default=0.0,
    help="Answer 504 when a WSGI application has taken this long, and give its thread up; 0 is never.",
)
@click.option(
    "--limit-stuck-threads",
    type=click.IntRange(1, 10_000),
    metavar="N",
    default=10,
    help="Say loudly that the process should be replaced once this many threads were given up.",
)
@click.option(
    "--limit-request-body",
    type=click.IntRange(0, 1 << 60),
    metavar="BYTES",
    default=1024**3,
    help="Answer 413 to a request whose body is larger; 0 is no limit.",
)
@click.option(
    "--ws-max-size",
    type=click.IntRange(min=1),
    metavar="BYTES",
    default=16 * 1024 * 1024,
    help="Refuse a WebSocket message longer than this.",
)
def serve(targets: tuple[str, ...], **options: Any) -> None:
    """Serve the targets until SIGINT or SIGTERM, then finish what is in flight."""
    from hybrid.server.config import Config
    from hybrid.server.server import Server

    with _mistakes_in_one_line():
        Server(Config(app=list(targets), **options)).run()


@main.command(epilog=TARGETS_HELP, short_help="Print the route table and exit.")
@targets_argument
@app_dir_option
def routes(targets: tuple[str, ...], app_dir: str) -> None:
    """Print which application answers which path and protocol, and where it runs."""
    from hybrid.bridge.gateway import Gateway, load_targets
    from hybrid.bridge.targets import add_app_dir
    from hybrid.bridge.wsgi.socket_threads import SocketThreads
    from hybrid.bridge.wsgi.threadpool import ThreadPool

    with _mistakes_in_one_line():
        add_app_dir(app_dir)
        loaded = load_targets(targets)
        pool = ThreadPool()  # whatever it is called: nothing runs here
        pools = {target.pool: pool for target in loaded}
        click.echo(Gateway(loaded, pool=pool, pools=pools, sockets=SocketThreads()))


@contextmanager
def _mistakes_in_one_line() -> Generator[None]:
    """Turn a mistake in an option or in the user's applications into one line on stderr and an exit code."""
    from hybrid.bridge.errors import ConfigError, HybridError

    try:
        yield
    except ConfigError as error:
        raise click.UsageError(str(error)) from None
    except HybridError as error:
        click.echo(f"hybrid: {error}", err=True)
        sys.exit(EXIT_CANNOT_LOAD)
    except KeyboardInterrupt:  # while the applications were imported: later it asks the server to stop
        click.echo("hybrid: interrupted", err=True)
        sys.exit(EXIT_INTERRUPTED)
