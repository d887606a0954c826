"""Serves the demonstration board in a real process, as its README says."""

from pathlib import Path

from tests.support.needs import require_module
from tests.support.process import ROOT, ServerProcess, start_server


def serve_board(database: Path, port: int = 0) -> ServerProcess:
    """Start the board's server on a database file that need not exist; the caller closes it."""
    require_module("flask")
    return start_server(
        "demo_flask.wsgi:app",
        "demo_flask.asgi:ws_app",
        cwd=database.parent,
        env={"BOARD_DB": str(database)},
        app_dir=ROOT,
        port=port,
    )
