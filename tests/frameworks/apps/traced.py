"""A Flask application and an ASGI one, both traced by OpenTelemetry's own instrumentation."""

import json
from typing import Any

from flask import Flask
from opentelemetry import trace
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware as ASGITracing
from opentelemetry.instrumentation.wsgi import OpenTelemetryMiddleware as WSGITracing
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

exporter = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
trace.set_tracer_provider(provider)

flask_app = Flask(__name__)


def _current() -> dict[str, str]:
    """Say in which span this runs."""
    context = trace.get_current_span().get_span_context()
    return {"trace": f"{context.trace_id:032x}", "span": f"{context.span_id:016x}"}


def _said(span: ReadableSpan) -> dict[str, Any]:
    context = span.get_span_context()
    assert context is not None
    return {
        "name": span.name,
        "kind": span.kind.name,
        "trace": f"{context.trace_id:032x}",
        "span": f"{context.span_id:016x}",
        "parent": None if span.parent is None else f"{span.parent.span_id:016x}",
        "attributes": {name: str(value) for name, value in (span.attributes or {}).items()},
    }


@flask_app.get("/work")
def work() -> dict[str, str]:
    """Do something in a span of its own, on the thread of the request."""
    with trace.get_tracer(__name__).start_as_current_span("inner"):
        return _current()


@flask_app.get("/fail")
def fail() -> tuple[str, int]:
    """Fail."""
    return "not now", 503


@flask_app.get("/spans")
def spans() -> str:
    """Say which spans have ended; not traced itself."""
    return json.dumps([_said(span) for span in exporter.get_finished_spans()])


async def _asgi(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": json.dumps(_current())})
        await send({"type": "websocket.close"})
    elif scope["type"] == "http":
        with trace.get_tracer(__name__).start_as_current_span("inner"):
            body = json.dumps(_current()).encode()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})


plain = flask_app.wsgi_app
wsgi_app = WSGITracing(flask_app.wsgi_app)
asgi_app = ASGITracing(_asgi)
