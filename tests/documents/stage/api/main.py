from asgi import app


def create_app():
    """Make the application."""
    return app
