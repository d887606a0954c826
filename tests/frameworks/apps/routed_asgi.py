"""Starlette and FastAPI applications with routes of their own: below mounts, in routers, in one another."""

import asyncio
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Host, Mount, Route

_STEP = 0.01


async def echo(request: Request) -> PlainTextResponse:
    """Say how much was sent."""
    return PlainTextResponse(str(len(await request.body())))


async def held(request: Request) -> PlainTextResponse:
    """Answer when a file is gone."""
    file = Path("/", request.path_params["file"])
    while file.exists():  # noqa: ASYNC240 - it takes no time
        await asyncio.sleep(_STEP)
    return PlainTextResponse("released")


async def alone(scope: Any, receive: Any, send: Any) -> None:
    """Answer anything that is asked below a mount."""
    await PlainTextResponse("alone")(scope, receive, send)


items = APIRouter(prefix="/items")
versions = APIRouter(prefix="/v1")
fast = FastAPI()
below = FastAPI()


@items.get("/{number}")
async def item(number: int) -> int:
    """Answer."""
    return number


@fast.get("/top/{name}")
async def top(name: str) -> str:
    """Answer."""
    return name


@below.get("/deep/{name}")
def deep(name: str) -> str:
    """Answer from a thread of the framework's."""
    return name


versions.include_router(items)
fast.include_router(versions, prefix="/api")
fast.mount("/below", below)
fast.mount("/alone", alone)

inner = [Route("/y", echo)]
star = Starlette(
    routes=[
        Route("/echo/{name}", echo, methods=["POST"]),
        Route("/held/{file:path}", held),
        Mount("/files", app=alone),
        Mount(
            "/{tenant}/rooms", routes=[Route("/{room:int}", echo), Mount("/x", routes=[Route("/y", echo)])]
        ),
        Mount("/fast", app=fast),
    ]
)

# By its host, and below itself, as some do whose proxy does not take a prefix off.
hosted = Starlette(
    routes=[Host("api.example", app=Starlette(routes=[Mount("/v1", routes=inner)])), Route("/top", echo)]
)
hosted.mount("/again", hosted)
