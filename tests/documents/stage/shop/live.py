from asgi import ws_app as app

__all__ = ["app"]
