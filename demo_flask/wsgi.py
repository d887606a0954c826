"""The target: `hybrid serve demo_flask.wsgi:app` serves its pages and its WebSockets.

Any other WSGI server serves the pages, which then are not live.
"""

from demo_flask.app import create_app

app = create_app()
