"""Readings of processes: added up, written as JSON, and described by a schema."""

import dataclasses
import json
from typing import Any

import jsonschema
import pytest

from hybrid.bridge.histogram import Histogram
from hybrid.server.ops.metrics import snapshot as module
from hybrid.server.ops.metrics.records import Record, schema_of
from hybrid.server.ops.metrics.snapshot import (
    Connections,
    Gate,
    Layer,
    Loop,
    Pool,
    Process,
    Route,
    Snapshot,
    SocketThreads,
    Stack,
    WebSockets,
    Workers,
    json_schema,
    total,
)
from tests.support.status import SCHEMA

RECORDS = [each for each in vars(module).values() if isinstance(each, type) and issubclass(each, Record)]


def one(pid: int, number: int) -> Snapshot:
    """Make the reading of a process, in which every figure is there."""
    histogram = Histogram({number: number})
    return Snapshot(
        taken=float(number),
        version="1",
        counted=True,
        urls=("http://x",),
        processes=(Process(pid=pid, ready=True, requests=number, lag=0.5),),
        missing=(100 + pid,),
        workers=Workers(started=number, failed=1),
        connections=Connections(number, number, 1, waits=False, refused={400: number}),
        gate=Gate(1, number),
        pools={
            "wsgi": Pool(4, 1, 1, number, highest_queue=number, oldest_wait=0.1 * number, wait=histogram),
            f"own{pid}": Pool(threads=1),
        },
        socket_threads=SocketThreads(100, number),
        routes={
            "shop /a (wsgi)": Route(
                "shop", "/a", "wsgi", number + 1, 1, {200: number - 1, 404: 1}, 0, histogram, 5, 6, 0.5, 0.25
            )
        },
        websockets={"chat (loop)": WebSockets("chat", "", "loop", 1, 2, {403: 1}, {1000: number}, 3, 4)},
        layers={"default": Layer("Memory", 1, 2, 3, 4, {"full": number})},
        loop=Loop(histogram, 0.1, 1, 0.2 * number, {"a.py:1 in f": Stack(1, 0.2 * number, ("a.py:1 in f",))}),
        limits_hit={"ws_max_age": number},
    )


def test_processes_add_up() -> None:
    """Numbers to sums, tables by their keys; of some figures the greatest counts, and of names the first."""
    both = one(1, 3) + one(2, 5)
    assert [process.pid for process in both.processes] == [1, 2]
    assert (both.taken, both.schema, both.urls, both.missing) == (5.0, 1, ("http://x",), (101, 102))
    assert both.connections == Connections(8, 8, 2, waits=False, refused={400: 8})
    pool = both.pools["wsgi"]
    assert (pool.threads, pool.queued, pool.highest_queue, pool.oldest_wait) == (8, 8, 5, 0.5)
    assert pool.wait == Histogram({3: 3, 5: 5})
    assert both.pools.keys() == {"wsgi", "own1", "own2"}
    route = both.routes["shop /a (wsgi)"]
    assert (route.application, route.begun, route.in_flight, route.requests) == ("shop", 10, 2, 8)
    assert (route.statuses, route.queue_seconds) == ({200: 6, 404: 2}, 1.0)
    assert both.websockets["chat (loop)"].closes == {1000: 8}
    assert both.layers["default"].lost == {"full": 8}
    assert both.loop.stacks == {"a.py:1 in f": Stack(2, 1.0, ("a.py:1 in f",))}
    assert (both.loop.watch, both.workers, both.gate) == (0.1, Workers(5, 1), Gate(2, 8))
    assert both.limits_hit == {"ws_max_age": 8}


def test_the_sum_of_none_and_of_one() -> None:
    """What is there in one alone is not lost."""
    assert total([]) == Snapshot()
    assert total([one(1, 3)]) == one(1, 3)


def test_the_order_does_not_matter() -> None:
    """But for that of lists."""
    first, second = one(1, 3) + one(2, 5), one(2, 5) + one(1, 3)
    swapped = dataclasses.replace(second, processes=first.processes, missing=first.missing)
    assert swapped == first


def test_json() -> None:
    """Says all of it, as the schema has it."""
    said = json.loads(json.dumps(one(1, 3).to_json()))
    jsonschema.Draft202012Validator(json_schema()).validate(said)
    assert Snapshot.from_json(said) == one(1, 3)


def test_another_version_has_written_it() -> None:
    """What it does not say has its default, and what is unknown is passed over."""
    said = one(1, 3).to_json() | {"weather": "fine"}
    del said["loop"], said["pools"]["wsgi"]["stuck"]
    read = Snapshot.from_json(said)
    assert read.loop == Loop()
    assert read.pools["wsgi"] == one(1, 3).pools["wsgi"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"taken": "now"},
        {"processes": [1]},
        {"pools": {"wsgi": {"threads": 1.5}}},
        {"pools": {"wsgi": {"wait": {}}}},
        {"routes": []},
        {"missing": 1},
        {"counted": 1},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_what_is_no_reading(wrong: dict[str, Any]) -> None:
    """Is refused, by name."""
    with pytest.raises(ValueError, match=r"^this is no "):
        Snapshot.from_json(wrong)


def test_the_schema_is_current() -> None:
    """Whoever changes a figure writes the file again: python -m tests.support.status."""
    assert json.loads(SCHEMA.read_text(encoding="utf-8")) == json_schema()


@pytest.mark.parametrize("kind", RECORDS, ids=lambda kind: kind.__name__)
def test_every_figure_says_what_it_is(kind: type[Record]) -> None:
    """In the schema."""
    for name, said in schema_of(kind)["properties"].items():
        assert said["description"], name
