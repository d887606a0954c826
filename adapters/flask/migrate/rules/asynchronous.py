"""Asynchronous views, which hybrid runs on the server's own event loop while a thread waits for them."""

import ast
from collections.abc import Iterator
from typing import Final

from hybrid.adapters.django.migrate.catalogue import RULES
from hybrid.adapters.django.migrate.findings import Confidence, Finding, Fix, FixKind, Level, Seen
from hybrid.adapters.django.migrate.project.facts import Facts, Where
from hybrid.adapters.django.migrate.rules.blocking import blocking_calls
from hybrid.adapters.django.migrate.rules.knowing import nodes_in
from hybrid.adapters.django.migrate.rules.registry import imported, static
from hybrid.adapters.django.migrate.source.module import SourceModule
from hybrid.adapters.django.migrate.source.sources import Sources
from hybrid.adapters.flask.migrate.facts import flask_facts
from hybrid.adapters.flask.migrate.rules.knowing import in_request, is_view, module_values, uses_in_functions

_TASKS: Final = {"asyncio.create_task", "asyncio.ensure_future"}
#: Clients whose connections belong to the loop that they were made on.
_CLIENTS: Final = {
    "aiohttp.ClientSession",
    "asyncpg.create_pool",
    "httpx.AsyncClient",
    "motor.motor_asyncio.AsyncIOMotorClient",
    "openai.AsyncOpenAI",
    "redis.asyncio.Redis",
    "redis.asyncio.from_url",
    "sqlalchemy.ext.asyncio.create_async_engine",
}
_ADAPTERS: Final = {
    "asgiref.wsgi.WsgiToAsgi": "runs one request at a time",
    "a2wsgi.WSGIMiddleware": "lets requests wait without bounds",
    "a2wsgi.wsgi.WSGIMiddleware": "lets requests wait without bounds",
    "fastapi.middleware.wsgi.WSGIMiddleware": "reads each body into memory",
    "starlette.middleware.wsgi.WSGIMiddleware": "reads each body into memory",
    "uvicorn.middleware.wsgi.WSGIMiddleware": "reads each body into memory",
}
_QUERIES: Final = {"commit", "execute", "flush", "get", "query", "refresh", "scalar", "scalars"}


@imported("HF106")
def without_asgiref(facts: Facts, sources: Sources) -> Iterator[Finding]:
    """Find asynchronous views and hooks where there is no asgiref, with which Flask runs them: a warning for
    those in a synchronous decorator, which may run them itself.
    """
    if "asgiref" in facts.versions:
        return
    sure = {each.view for each in facts.routes if each.is_async}
    sure |= {each.function for each in flask_facts(facts).hooks}
    for name, where in _asynchronous(facts):
        yield RULES["HF106"].finding(
            sources.place(where.file, where.line, name),
            f"{name} is asynchronous, and asgiref is not installed",
            seen=Seen.IMPORT,
            confidence=Confidence.CERTAIN if name in sure else Confidence.POSSIBLE,
            level=Level.ERROR if name in sure else Level.WARNING,
            fix=Fix(FixKind.SETTING, "pip install 'flask[async]'"),
            cause="HF106",
        )


@imported("HF304")
def thread_besides(facts: Facts, sources: Sources) -> Iterator[Finding]:
    """Find asynchronous views and hooks."""
    for name, where in _asynchronous(facts):
        yield RULES["HF304"].finding(
            sources.place(where.file, where.line, name),
            f"{name} runs on the event loop, and one of --threads waits until it has ended",
            seen=Seen.IMPORT,
            cause="HF304",
        )


def _asynchronous(facts: Facts) -> list[tuple[str, Where]]:
    """Return the project's own, each once."""
    found = [
        (each.view, each.where) for each in facts.routes if each.inner_is_async and not each.distribution
    ]
    hooks = flask_facts(facts).hooks
    found += [(each.function, each.where) for each in hooks if each.is_async and not each.distribution]
    return list(dict.fromkeys(found))


@static("HF302")
def blocks_the_loop(module: SourceModule, sources: Sources) -> Iterator[Finding]:
    """Find calls that block in coroutines, those of Flask-SQLAlchemy's session among them."""
    for call, (said, advice, sure) in blocking_calls(module, sources):
        asked = in_request(module, call)
        if asked or sure is Confidence.CERTAIN:
            better = "an asynchronous driver" if "Django" in advice else advice
            yield _blocks(module, call, said, better, sure if asked else Confidence.POSSIBLE)
    for call in module.nodes(ast.Call):
        if _is_query(call) and module.is_async(call):
            said = f"{module.segment(call.func)}() waits for the database"
            asked = in_request(module, call)
            sure = Confidence.LIKELY if asked else Confidence.POSSIBLE
            yield _blocks(module, call, said, "asyncio.to_thread(…)", sure)


def _is_query(call: ast.Call) -> bool:
    match call.func:
        case ast.Attribute(value=ast.Attribute(value=ast.Name(id="db"), attr="session"), attr=name):
            return name in _QUERIES
        case _:
            return False


def _blocks(module: SourceModule, call: ast.Call, said: str, advice: str, sure: Confidence) -> Finding:
    where = (
        "this coroutine runs" if sure is not Confidence.POSSIBLE else "what an asynchronous view awaits runs"
    )
    return RULES["HF302"].finding(
        module.place(call),
        f"{said}: {where} on the server's event loop, and everybody waits meanwhile",
        seen=Seen.STATIC,
        confidence=sure,
        fix=Fix(FixKind.SUGGEST, f"make the view synchronous, or use {advice}"),
    )


@static("HF407")
def tasks_left_behind(module: SourceModule, sources: Sources) -> Iterator[Finding]:
    """Find tasks that an asynchronous view starts and does not wait for."""
    for call in module.calls_of(_TASKS):
        function = module.function_of(call)
        if isinstance(function, ast.AsyncFunctionDef) and is_view(module, function):
            if _is_left(module, function, call):
                yield RULES["HF407"].finding(
                    module.place(call),
                    "the task goes on behind the response, on the loop of hybrid; where each request has a "
                    "loop of its own it is cancelled",
                    seen=Seen.STATIC,
                    confidence=Confidence.LIKELY,
                )


def _is_left(module: SourceModule, function: ast.AsyncFunctionDef, call: ast.Call) -> bool:
    """Tell whether nothing is done with a task: it is a statement of its own, or a name that nobody reads."""
    match module.parent(call):
        case ast.Expr():
            return True
        case ast.Assign(targets=[ast.Name(id=name)]):
            read = (each for each in nodes_in(function) if isinstance(each, ast.Name) and each.id == name)
            return not any(isinstance(each.ctx, ast.Load) for each in read)
        case _:
            return False


@static("HF407")
def clients_of_a_loop(module: SourceModule, sources: Sources) -> Iterator[Finding]:
    """Find clients of a module that asynchronous views share."""
    for name, value, node in module_values(module):
        if isinstance(value, ast.Call) and module.called(value) in _CLIENTS:
            if any(module.is_async(each) for each in uses_in_functions(module, name)):
                yield RULES["HF407"].finding(
                    module.place(node),
                    f"{name} keeps connections that belong to one event loop: hybrid has one, other WSGI "
                    "servers have one for each request",
                    seen=Seen.STATIC,
                    confidence=Confidence.LIKELY,
                )


@static("HF308")
def adapters(module: SourceModule, sources: Sources) -> Iterator[Finding]:
    """Find adapters from WSGI to ASGI."""
    for call in module.calls_of(_ADAPTERS):
        name = module.called(call)
        yield RULES["HF308"].finding(
            module.place(call),
            f"{name} {_ADAPTERS[name]}",
            seen=Seen.STATIC,
            fix=Fix(
                FixKind.SUGGEST, "hybrid serve MODULE:APP beside the ASGI application, without the adapter"
            ),
        )
