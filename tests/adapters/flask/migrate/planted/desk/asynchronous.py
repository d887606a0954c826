import asyncio
import time

import httpx
import requests
from asgiref.wsgi import WsgiToAsgi
from flask import Blueprint, request

pages = Blueprint("asynchronous", __name__)
client = httpx.AsyncClient()  # HF407
headers = httpx.Headers()  # not HF407


async def notify():
    await asyncio.sleep(1)


@pages.get("/waits")
async def waits():  # HF106 HF304
    time.sleep(1)  # HF302
    asyncio.create_task(notify())  # HF407
    return "done"


@pages.get("/fetches")
async def fetches():  # HF106 HF304
    task = asyncio.create_task(notify())  # not HF407
    answer = await client.get(request.args["url"])
    await task
    await asyncio.to_thread(time.sleep, 1)  # not HF302
    return answer.text


@pages.get("/plain")
def plain():  # not HF106 HF304
    return requests.get("https://example.org/", timeout=3).text  # not HF302


def adapted(app):
    return WsgiToAsgi(app)  # HF308


def unadapted(app):
    return app.wsgi_app  # not HF308
