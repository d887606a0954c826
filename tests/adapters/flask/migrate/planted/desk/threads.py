import asyncio
import signal

from flask import Blueprint, request

pages = Blueprint("threads", __name__)
loop = asyncio.new_event_loop()


@pages.get("/slow")
def slow():
    signal.signal(signal.SIGALRM, print)  # HF103
    return request.args["x"]


@pages.get("/loop")
def with_loop():
    return asyncio.get_event_loop().run_until_complete(asyncio.sleep(0))  # HF107


@pages.get("/one")
def one_loop():
    return loop.run_until_complete(asyncio.sleep(0, "x"))  # HF107


@pages.get("/own")
def own_loop():
    asyncio.set_event_loop(asyncio.new_event_loop())
    return asyncio.get_event_loop().run_until_complete(asyncio.sleep(0, "x"))  # not HF107


@pages.get("/run")
def run():
    return asyncio.run(asyncio.sleep(0, "x"))  # not HF107


@pages.get("/guarded")
def guarded():
    try:
        signal.signal(signal.SIGALRM, print)  # not HF103
    except ValueError:
        pass
    return "x"
