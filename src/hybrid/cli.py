"""The `hybrid` command: `serve`, and `check`, `config` and `routes`, which look before one serves; `lanes`
and `status`, in modules of their own, speak with a server that runs.

Nothing heavy is imported before a command needs it, so that `hybrid --help` answers at once.

Exit codes: 0 after a drain, 1 when the server cannot bind, 2 for a wrong setting, 3 when an application
cannot be loaded or its lifespan startup fails, 130 when control-C cut something off.
"""

import os
from typing import TYPE_CHECKING

import click

from hybrid.bridge.imports import without_collection
from hybrid.lazy import LazyGroup
from hybrid.options import SettingsCommand, with_settings

if TYPE_CHECKING:
    from hybrid.server.sources.gather import Gathered

EPILOG = """\b
A TARGET is [PREFIX=]MODULE[:ATTR][@POOL][+stream]; ATTR defaults to app, then
application.
  wsgi:app            a WSGI application takes HTTP at /, and WebSockets
                      too when no ASGI application does
  asgi:app            an ASGI application takes WebSockets at /, and HTTP
                      too when no WSGI application does
  /api=api.main:app   with a prefix, everything under that path
  /pdf=pdf:app@slow   a WSGI application on the threads of --pool slow=THREADS
  /up=files:app+stream  a WSGI application that reads request bodies as they come
\b
Each option can also be given as an environment variable, --port as HYBRID_PORT
and the targets as HYBRID_APP, or in hybrid.toml or [tool.hybrid] of
pyproject.toml, as "port" and as [[routes]]. The command line goes before the
environment, and that before the file; `hybrid config` shows what comes of it.
"""


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


class Commands(click.Group):
    """The commands; those that no server needs at its start are loaded when they are called, or listed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name them all."""
        return sorted([*super().list_commands(ctx), "lanes", "status"])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return one of them."""
        if cmd_name == "lanes":
            from hybrid.lanes_command import lanes

            return lanes
        if cmd_name == "status":
            from hybrid.status_command import status

            return status
        return super().get_command(ctx, cmd_name)


@click.group(
    cls=Commands,
    context_settings={"show_default": True, "help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="hybrid-gateway", message="hybrid %(version)s")
def main() -> None:
    """Serve WSGI applications, ASGI applications and WebSockets behind one port."""


main.add_command(
    LazyGroup(
        "migrate",
        "hybrid.adapters.django.migrate.commands",
        "Find what a Django project's move from WSGI to ASGI breaks, and plan it.",
    )
)


@main.command(cls=SettingsCommand, epilog=EPILOG, short_help="Serve applications until SIGINT or SIGTERM.")
@with_settings
def serve(gathered: "Gathered") -> None:
    """Serve the targets until SIGINT or SIGTERM, then finish what is in flight."""
    config = gathered.config()
    for note in gathered.notes:
        click.echo(f"hybrid: {note}", err=True)
    if config.reload:
        from hybrid.server.reload import serve_reloading

        serve_reloading(config)
    elif config.workers > 1:
        _serve_with_workers(gathered)
    else:
        with without_collection():
            from hybrid.server.server import Server

        Server(config).run()


def _serve_with_workers(gathered: "Gathered") -> None:
    """Serve with several processes, which needs what only POSIX systems have."""
    from hybrid.bridge.errors import ConfigError

    if not hasattr(os, "fork"):
        raise ConfigError("workers: several of them need gunicorn, which this system does not run")
    from hybrid.adapters.gunicorn.serving import run_workers

    run_workers(gathered.config(), lambda: gathered.again().config())


@main.command(cls=SettingsCommand, epilog=EPILOG, short_help="Print the route table and exit.")
@with_settings
def routes(gathered: "Gathered") -> None:
    """Print which application answers which path and protocol, and where it runs."""
    from hybrid.bridge.gateway import Gateway
    from hybrid.bridge.wsgi.socket_threads import SocketThreads
    from hybrid.bridge.wsgi.threadpool import ThreadPool
    from hybrid.server.application import load_configured

    loaded = load_configured(gathered.config())
    pool = ThreadPool()  # whatever it is called: nothing runs here
    pools = {target.pool: pool for target in loaded}
    click.echo(Gateway(loaded, pool=pool, pools=pools, sockets=SocketThreads()))


@main.command(
    cls=SettingsCommand, epilog=EPILOG, short_help="Print the settings and where each was given, and exit."
)
@with_settings
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def config(gathered: "Gathered", as_json: bool) -> None:
    """Print the value that every setting has, and where it was given. Passwords are not shown."""
    from hybrid.reports import settings_json, settings_table

    click.echo(settings_json(gathered) if as_json else settings_table(gathered))
    for note in (*gathered.notes, *gathered.remarks):
        click.echo(f"hybrid: {note}", err=True)
    gathered.config()


@main.command(
    cls=SettingsCommand,
    settings=(
        *("app_dir", "interface", "factory", "env_file", "layer", "log_level", "log_config", "log_format"),
        *("use_colors", "error_logfile", "loop", "timeout_graceful_shutdown"),
    ),
    short_help="Do background work for what is sent to channels.",
)
@click.argument("channels", metavar="CHANNEL...", nargs=-1, required=True)
@click.option("--alias", default="default", metavar="NAME", help="The channel layer to listen on.")
@with_settings
def worker(gathered: "Gathered", channels: tuple[str, ...], alias: str) -> None:
    """Give what is sent to the channels to an application, until SIGINT or SIGTERM.

    TARGET is MODULE[:ATTR], an ASGI application that takes scopes of the type "channel": a consumer, or a
    router that leads to some.
    """
    from hybrid.server.worker import run_worker

    run_worker(gathered.config(), channels, alias)


@main.command(cls=SettingsCommand, epilog=EPILOG, short_help="Find out whether `serve` would work, and exit.")
@with_settings
@click.option(
    "--listen/--no-listen",
    default=True,
    help="Listen on the addresses for a moment. Where a server listens already that fails, and with "
    "--reuse-port it is left out.",
)
@click.option("--startup/--no-startup", default=False, help="Run the lifespan of the applications too.")
def check(gathered: "Gathered", listen: bool, startup: bool) -> None:
    """Load everything that `serve` would, print the route table and what is dangerous, and serve nothing.

    The exit code is the one that `serve` would end with at its start; warnings do not change it.
    """
    from hybrid.server.rehearsal import Rehearsal

    rehearsal = Rehearsal(gathered.config())
    if table := rehearsal.routes:
        click.echo(table)
    for warning in (*gathered.notes, *gathered.remarks, *rehearsal.warnings):
        click.echo(f"hybrid: warning: {warning}", err=True)
    if listen and rehearsal.shares_port:
        click.echo("hybrid: reuse_port: not listening, which would take connections from a server", err=True)
    rehearsal.start(listen=listen, startup=startup)
