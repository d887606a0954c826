"""Django's handler, with something around it as projects have it."""

from django.core.wsgi import get_wsgi_application


class Around:
    """Adds a field to each response."""

    def __init__(self, application):
        self.application = application

    def __call__(self, environ, start_response):
        def start(status, headers, exc_info=None):
            return start_response(status, [*headers, ("X-Around", "wsgi")], exc_info)

        return self.application(environ, start)


application = Around(get_wsgi_application())
