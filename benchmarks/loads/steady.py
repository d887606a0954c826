"""The load that keeps every connection busy: for what a request costs and how many a second there can be."""

import asyncio
import ssl

from benchmarks.cpu import family
from benchmarks.loads.clients import Client, HTTPClient, Meter
from benchmarks.loads.outcome import NOTHING, Outcome, Reading
from benchmarks.loads.plan import PATIENCE, Plan, Steady
from benchmarks.loads.websocket import WebSocketClient


async def measure(plan: Plan, load: Steady) -> Outcome:
    """Load the server as planned; errors are counted in the outcome, also that it never answered.

    The measurement starts after the first answer and the warm-up. It ends when the time is up, after
    `requests` answers counted from the start of the load, or at the first error, whichever comes first.
    """
    loop = asyncio.get_running_loop()
    done = asyncio.Event()
    meter = Meter(load.requests, done.set)
    clients = [await _connect(plan.port, load, meter) for _ in range(load.connections)]
    try:
        async with asyncio.timeout(PATIENCE):
            await meter.first_answer.wait()
        await asyncio.sleep(plan.warm_up)
        pids = family(plan.pid)
        start = Reading.take(meter.answered, pids)
        loop.call_later(plan.seconds, done.set)
        await done.wait()
        end = Reading.take(meter.answered, pids)
    except TimeoutError:
        meter.fail(f"no answer within {PATIENCE:.0f} s")
        start = end = NOTHING
    meter.stopped = True
    for client in clients:
        client.transport.abort()
    return start.until(end, meter.errors)


async def _connect(port: int, load: Steady, meter: Meter) -> Client:
    expected = load.expected.encode()

    def build() -> Client:
        if load.protocol == "websocket":
            return WebSocketClient(meter, expected)
        return HTTPClient(meter, expected, load.path)

    tls = None
    if load.protocol == "https":
        tls = ssl.create_default_context()
        tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    _, client = await asyncio.get_running_loop().create_connection(build, "127.0.0.1", port, ssl=tls)
    return client
