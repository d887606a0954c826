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

from hybrid.options import GroupedCommand, option_of, with_settings

EXIT_CANNOT_LOAD = 3
EXIT_INTERRUPTED = 130

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
app_dir_option = option_of("app_dir")


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


@main.command(
    cls=GroupedCommand, epilog=TARGETS_HELP, short_help="Serve applications until SIGINT or SIGTERM."
)
@targets_argument
@with_settings
def serve(targets: tuple[str, ...], **options: Any) -> None:
    """Serve the targets until SIGINT or SIGTERM, then finish what is in flight."""
    from hybrid.server.config import Config

    with _mistakes_in_one_line():
        config = Config(app=list(targets), **options)
        if config.reload:
            from hybrid.server.reload import serve_reloading

            serve_reloading(config)
        else:
            from hybrid.server.server import Server

            Server(config).run()


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
