"""GraphQL over HTTP and WebSockets with Ariadne: `app` speaks graphql-transport-ws, `legacy` graphql-ws."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator
from typing import Any

from ariadne import MutationType, QueryType, SubscriptionType, make_executable_schema
from ariadne.asgi import GraphQL
from ariadne.asgi.handlers import GraphQLTransportWSHandler, GraphQLWSHandler

from tests.frameworks.apps.notes import note

query, mutation, subscription = QueryType(), MutationType(), SubscriptionType()

_subscribers: dict[str, set[asyncio.Queue[str]]] = defaultdict(set)


@query.field("hello")
async def hello(_: Any, info: Any, name: str) -> str:
    """Greet."""
    return f"Hello, {name}!"


@mutation.field("post")
async def post(_: Any, info: Any, room: str, text: str) -> int:
    """Hand a text to all who have subscribed, and say how many."""
    for queue in _subscribers[room]:
        queue.put_nowait(text)
    return len(_subscribers[room])


@subscription.source("posted")
async def posted(_: Any, info: Any, room: str) -> AsyncGenerator[str, None]:
    """Give what is posted in a room."""
    queue = asyncio.Queue[str]()
    _subscribers[room].add(queue)
    note(f"{room} began")
    try:
        while (text := await queue.get()) != "end":
            if text == "fail":
                raise RuntimeError("on purpose")
            yield text
    finally:
        _subscribers[room].discard(queue)
        note(f"{room} ended")


@subscription.field("posted")
def show(text: str, info: Any, room: str) -> str:
    """Pass it on."""
    return text


def connected(websocket: Any, payload: Any) -> None:
    """Refuse who has the wrong password."""
    if payload == {"password": "wrong"}:
        raise ValueError("on purpose")


def disconnected(websocket: Any) -> None:
    """Note the end."""
    note("connection ended")


_schema = make_executable_schema(
    """
    type Query { hello(name: String!): String! }
    type Mutation { post(room: String!, text: String!): Int! }
    type Subscription { posted(room: String!): String! }
    """,
    [query, mutation, subscription],
)
_callbacks: dict[str, Any] = {"on_connect": connected, "on_disconnect": disconnected}
app = GraphQL(_schema, websocket_handler=GraphQLTransportWSHandler(**_callbacks))
legacy = GraphQL(_schema, websocket_handler=GraphQLWSHandler(**_callbacks))
