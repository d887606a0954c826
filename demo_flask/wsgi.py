"""The WSGI target: `hybrid serve demo_flask.wsgi:app` (or any other WSGI server, without the live part)."""

from demo_flask.board import create_app

app = create_app()
