from werkzeug.middleware.dispatcher import DispatcherMiddleware

from desk import create_app


class UnderPrefix:
    """Below a prefix."""

    def __init__(self, app, prefix):
        self.app = app
        self.prefix = prefix

    def __call__(self, environ, start_response):
        environ["SCRIPT_NAME"] = self.prefix  # HF406
        return self.app(environ, start_response)


class Tagged:
    def __init__(self, app):
        self.app = app

    def __call__(self, environ, start_response):
        environ["desk.tag"] = environ["SCRIPT_NAME"]  # not HF406
        return self.app(environ, start_response)


plain = create_app()  # not HF405
plain.wsgi_app = Tagged(UnderPrefix(plain.wsgi_app, "/desk"))
application = DispatcherMiddleware(plain, {"/metrics": create_app()})  # HF405
