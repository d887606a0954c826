class Prefixed:
    def __init__(self, application):
        self.application = application

    def __call__(self, environ, start_response):
        environ["SCRIPT_NAME"] = "/shop"
        return self.application(environ, start_response)


class CountedWSGI:
    def __init__(self, application):
        self.application = application

    def __call__(self, environ, start_response):
        return self.application(environ, start_response)


class CountedASGI:
    def __init__(self, application):
        self.application = application

    async def __call__(self, scope, receive, send):
        await self.application(scope, receive, send)
