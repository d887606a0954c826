"""What ``--suggest`` makes of middleware and streams runs, and answers as before, on both handlers."""

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.support.fixing import PAIRS
from tests.support.needs import require_module
from tests.support.process import DEADLINE, ROOT, process_environment

MIDDLEWARE = ("hm302-suggest/classes", "hm302-suggest/functions", "hm104-suggest/classes")
STREAMS = "hm305-suggest/views"

#: What answers, by its name.
Answers = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def answers() -> dict[str, Answers]:
    """What is answered before and after, by the names of the pairs with ``.before`` or ``.after``."""
    require_module("django")
    names = [f"{pair}.{when}" for pair in (*MIDDLEWARE, STREAMS) for when in ("before", "after")]
    files = {str(PAIRS / f"{name}.py"): name for name in names}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.support.both_handlers", *files],
        cwd=ROOT,
        env=process_environment(None),
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {files[file]: said for file, said in json.loads(done.stdout).items()}


@pytest.mark.parametrize("pair", MIDDLEWARE)
def test_middleware_answers_the_same(answers: dict[str, Answers], pair: str) -> None:
    """On both handlers, around synchronous and asynchronous views, as it did on the synchronous one."""
    before, after = answers[f"{pair}.before"], answers[f"{pair}.after"]
    assert before.keys() == after.keys() != set()
    for name, said in after.items():
        expected = before[name]["sync sync"]
        got = {each: said[each] for each in ("sync sync", "sync async", "async sync", "async async")}
        assert got == dict.fromkeys(got, expected), name


@pytest.mark.parametrize("pair", MIDDLEWARE)
def test_middleware_is_asynchronous(answers: dict[str, Answers], pair: str) -> None:
    """Where what is inside of it is, so that the chain is not made synchronous."""
    assert {name: said["asynchronous"] for name, said in answers[f"{pair}.after"].items()} == dict.fromkeys(
        answers[f"{pair}.before"], True
    )


def test_streams_are_the_same(answers: dict[str, Answers]) -> None:
    """Their heads and their parts are, on both handlers."""
    before, after = answers[f"{STREAMS}.before"], answers[f"{STREAMS}.after"]
    seen = ("status", "headers", "parts")
    assert before.keys() == after.keys() != set()
    for name, said in after.items():
        expected = {each: before[name]["sync"][each] for each in seen}
        assert {each: said["sync"][each] for each in seen} == expected, name
        assert {each: said["async"][each] for each in seen} == expected, name


def test_streams_are_not_collected(answers: dict[str, Answers]) -> None:
    """Django warned that it had to; now it does not, and nothing is made before it is sent."""
    before, after = answers[f"{STREAMS}.before"], answers[f"{STREAMS}.after"]
    assert all(said["async"]["warned"] for said in before.values())
    assert not any(said[lane]["warned"] for said in after.values() for lane in ("sync", "async"))
    assert before["one_by_one"]["async"]["first"] == ["a", "b", "end"]
    assert after["one_by_one"]["async"]["first"] == ["a"]
    assert after["one_by_one"]["async"]["made"] == ["a", "b", "end"]


def test_a_stream_ends_with_its_client(answers: dict[str, Answers]) -> None:
    """The iterator is closed when the response is, and makes no more."""
    assert answers[f"{STREAMS}.after"]["one_by_one"]["async"]["left"] == ["a", "end"]
