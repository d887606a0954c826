"""A real Flask application."""

import asyncio
import threading
from collections.abc import Iterator

from flask import Flask, Response, jsonify, redirect, request, session, stream_with_context, url_for
from werkzeug.wrappers import Response as BaseResponse

from tests.apps import loop_witness

app = Flask(__name__)
app.secret_key = "for the session"


@app.get("/hello/<name>")
def hello(name: str) -> str:
    """Greet."""
    return f"Hello, {name}!"


@app.post("/form")
def form() -> Response:
    """Show what was posted, files too."""
    files = {name: file.read().decode() for name, file in request.files.items()}
    return jsonify(form=request.form.to_dict(), files=files)


@app.post("/json")
def take_json() -> Response:
    """Show JSON, chunked or not."""
    return jsonify(got=request.get_json())


@app.get("/count")
def count() -> str:
    """Count in the session cookie."""
    session["count"] = session.get("count", 0) + 1
    return str(session["count"])


@app.get("/stream")
def stream() -> Response:
    """Stream with the request at hand."""

    def parts() -> Iterator[str]:
        for number in range(3):
            yield f"{request.args['prefix']}{number}\n"

    return Response(stream_with_context(parts()), mimetype="text/plain")


@app.get("/away")
def away() -> BaseResponse:
    """Redirect to another view, below whatever the application is mounted at."""
    return redirect(url_for("hello", name="again"))


@app.get("/crossing")
async def crossing() -> Response:
    """Run as a coroutine, which Flask gives to asgiref: tell where."""
    on_the_servers_loop = asyncio.get_running_loop() is loop_witness.loop
    on_a_worker = threading.current_thread().name.startswith("wsgi-")
    return jsonify(loop=on_the_servers_loop, worker=on_a_worker, argument=request.args["argument"])


@app.get("/broken")
def broken() -> str:
    """Fail."""
    raise ValueError("in a view")
