from flask import Flask, render_template
from werkzeug.middleware.proxy_fix import ProxyFix

from desk import asynchronous, environ, process, state, streams, threads


class ProxyFixed:
    def __init__(self, app):
        self.app = app

    def __call__(self, environ, start_response):
        return self.app(environ, start_response)


def create_app():
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = 16 * 1024 * 1024  # HF307
    app.config["MAX_FORM_MEMORY_SIZE"] = 1024 * 1024  # not HF307
    for each in (asynchronous, environ, process, state, streams, threads):
        app.register_blueprint(each.pages)
    app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=1)  # HF202
    app.wsgi_app = ProxyFixed(app.wsgi_app)  # not HF202

    @app.get("/")
    def front():
        return render_template("front.html")  # HF408

    @app.get("/again")
    def again():
        return render_template("front.html")  # not HF408: counted with the first

    return app
