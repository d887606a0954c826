"""Addresses that the rules of Flask applications begin with."""

from typing import Final

FLASK: Final = "https://flask.palletsprojects.com/en/stable/"
PYTHON: Final = "https://docs.python.org/3/library/"
GUNICORN: Final = "https://docs.gunicorn.org/en/stable/"
SOCKETIO: Final = "https://flask-socketio.readthedocs.io/en/latest/"
