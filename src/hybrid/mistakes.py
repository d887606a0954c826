"""What the command line makes of errors that are somebody's mistake: one line, and an exit code."""

import sys
from collections.abc import Generator
from contextlib import contextmanager

import click

EXIT_INTERRUPTED = 130


@contextmanager
def mistakes_in_one_line() -> Generator[None]:
    """Turn a mistake in an option or in the user's applications into one line on stderr and an exit code."""
    from hybrid.bridge.errors import ConfigError, HybridError
    from hybrid.server.errors import exit_code

    try:
        yield
    except ConfigError as error:
        raise click.UsageError(str(error)) from None
    except HybridError as error:
        click.echo(f"hybrid: {error}", err=True)
        sys.exit(exit_code(error))
    except KeyboardInterrupt:  # while the applications were imported: later it asks the server to stop
        click.echo("hybrid: interrupted", err=True)
        sys.exit(EXIT_INTERRUPTED)
