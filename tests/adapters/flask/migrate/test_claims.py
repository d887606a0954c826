"""What rules say of hybrid, and of threads, is so: the same code served for real."""

import httpx
import pytest

from tests.support.process import DEADLINE, Serve

APP = """
import asyncio, signal, sqlite3
from flask import Flask, request
from werkzeug.middleware.proxy_fix import ProxyFix

app = Flask(__name__)
connection = sqlite3.connect(":memory:")
tasks = []


@app.get("/HF102")
def raw_uri():
    return request.environ["RAW_URI"]


@app.get("/HF103")
def limited():
    signal.signal(signal.SIGALRM, print)
    return ""


@app.get("/HF107")
def with_loop():
    return asyncio.get_event_loop().run_until_complete(asyncio.sleep(0, ""))


@app.get("/HF109")
def shared():
    return str(connection.execute("SELECT 1").fetchall())


@app.get("/loop")
async def with_task():
    tasks.append(asyncio.create_task(asyncio.sleep(0)))
    return str(id(asyncio.get_running_loop()))


@app.get("/tasks")
async def ended():
    await asyncio.wait(tasks)
    return " ".join("cancelled" if each.cancelled() else "done" for each in tasks)


@app.get("/HF404")
def threads():
    return str(request.is_multithread)


@app.get("/client")
def client():
    return f"{request.remote_addr} {request.scheme}"


def fixed(environ, start_response):
    return ProxyFix(app)(environ, start_response)
"""


@pytest.mark.parametrize("target", ["app", "fixed"])
def test_what_is_said_is_so(serve: Serve, tmp_path_factory: pytest.TempPathFactory, target: str) -> None:
    """What is called an error fails; asynchronous views have one loop, on which tasks go on; ProxyFix and the
    server say the same of one proxy.
    """
    folder = tmp_path_factory.mktemp("claims")
    (folder / "claims.py").write_text(APP)
    server = serve(f"claims:{target}", app_dir=folder)
    with httpx.Client(base_url=server.url, timeout=DEADLINE) as client:
        for rule in ("HF102", "HF103", "HF107", "HF109"):
            assert client.get(f"/{rule}").status_code == 500, rule
        assert len({client.get("/loop").text for _ in range(3)}) == 1
        assert client.get("/tasks").text == "done done done"
        assert client.get("/HF404").text == "True"
        fields = {"X-Forwarded-For": "192.0.2.7", "X-Forwarded-Proto": "https"}
        assert client.get("/client", headers=fields).text == "192.0.2.7 https"
