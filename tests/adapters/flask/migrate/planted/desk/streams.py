import time

from flask import Blueprint, Response, stream_with_context

pages = Blueprint("streams", __name__)


@pages.get("/events")
def events():
    def generate():
        while True:
            yield "data: x\n\n"
            time.sleep(1)

    return Response(generate(), mimetype="text/event-stream")  # HF303


@pages.get("/rows")
def rows():
    def generate():
        for number in range(10):
            yield f"{number}\n"

    return Response(stream_with_context(generate()), mimetype="text/csv")  # HF305 # not HF303


@pages.get("/lines")
def lines():
    def generate():
        yield "x"

    return generate()  # HF305


@pages.get("/whole")
def whole():
    return Response("".join(["x"]), mimetype="text/plain")  # not HF303 HF305
