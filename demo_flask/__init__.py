"""Parlour, a chat with rooms: a Flask application and its WebSockets, served by one process on one port.

Run it with `hybrid serve demo_flask.wsgi:app`.
"""
