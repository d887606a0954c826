"""Requests mean the same to Django under gunicorn, uvicorn and hybrid, but for what a table explains."""

import pytest

from tests.adapters.django.alike.cases import PARTS, Case
from tests.adapters.django.alike.observing import Observation, observe, read_answers
from tests.adapters.django.alike.running import observe_sites
from tests.adapters.django.alike.table import (
    PAGE,
    Difference,
    Entry,
    complaints,
    complaints_now,
    differences,
    fits,
    rendered,
)
from tests.support.needs import require_module

Observed = tuple[list[Case], dict[str, list[Observation]]]


@pytest.fixture(scope="module")
def observed(tmp_path_factory: pytest.TempPathFactory) -> Observed:
    """Send all requests to all servers."""
    for name in ("django", "uvicorn"):
        require_module(name)
    return observe_sites(tmp_path_factory.mktemp("alike"))


@pytest.mark.slow
class TestServers:
    """What came of the requests."""

    def test_every_difference_is_explained_and_every_explanation_is_needed(self, observed: Observed) -> None:
        """As the table says; `python -m tests.adapters.django.alike --show` prints the same."""
        assert complaints_now(list(differences(*observed))) == []

    def test_hybrid_by_itself_is_one_of_its_lanes(self, observed: Observed) -> None:
        """In all that comes of a request: the lane of its view's kind."""
        cases, found = observed
        for number, case in enumerate(cases):
            here = found["hybrid"][number]
            lane = "asgi" if here.get("sender") == "ASGIHandler" else "wsgi"
            assert here == found[lane][number], case.name
            if here["events"] != "none" and "404" not in here["status"]:
                assert (lane == "asgi") == case.is_async, case.name

    def test_each_request_begins_and_ends_once(self, observed: Observed) -> None:
        """On both lanes, whatever becomes of it: errors, HEAD, 304, streams, clients that leave."""
        cases, found = observed
        for run in ("hybrid", "wsgi", "asgi"):
            for case, here in zip(cases, found[run], strict=True):
                events = here["events"].split(", ")
                begun = 0 if here["events"] == "none" or case.leaves == "request" else len(case.methods)
                assert events.count("started") == begun, (run, case.name)
                assert events.count("finished") == begun, (run, case.name)


def test_there_are_enough_requests() -> None:
    """Sixty at least, and no two of one name, since the table goes by names."""
    names = [case.name for part in PARTS.values() for case in part]
    assert len(names) == len(set(names)) >= 60


def test_the_document_is_made_of_the_table() -> None:
    """`make differences` has been run."""
    assert PAGE.read_text(encoding="utf-8") == rendered()


def entry(what: str, where: str, **values: str) -> Entry:
    """Make a line of a table."""
    return Entry("something", (what,), (where,), values, "For a reason.")


FOUND = Difference("a form", "status", {"gunicorn": "200 OK", "wsgi": "500"})
VALUES = {"gunicorn": "200 *", "uvicorn": "200", "wsgi": "500"}


@pytest.mark.parametrize(
    ("entries", "complaint"),
    [
        ([], "not in the table: a form: status"),
        ([entry("status", "a form", **VALUES)], None),
        ([entry("status", "*", **VALUES)], None),
        ([entry("status", "a form", gunicorn="404", wsgi="500")], "the table says"),
        ([entry("status", "a form", gunicorn="200 OK")], "the table says"),
        ([entry("status", "a form", **VALUES), entry("body", "a form")], "differs no more: a form (body)"),
        ([entry("status", "a form", **VALUES), entry("status", "*")], "differs no more: * (status)"),
    ],
    ids=["missing", "named", "general", "other value", "no value", "stale", "stale general"],
)
def test_the_table_is_held_to_what_is_found(entries: list[Entry], complaint: str | None) -> None:
    """It has to have all, with the values that are found, and nothing else."""
    said = complaints(entries, [FOUND])
    assert any(each.startswith(complaint) for each in said) if complaint else said == []


def test_what_is_compared() -> None:
    """Statuses and events everywhere, other aspects where Django has answered with the same status."""
    ok = {"status": "200 OK", "sender": "A", "body": "one"}
    runs = {"gunicorn": ok, "uvicorn": {"status": "400"}, "wsgi": ok, "asgi": {**ok, "body": "two"}}
    case = Case("a form", b"")
    found = {
        each.aspect: each.values for each in differences([case], {run: [it] for run, it in runs.items()})
    }
    assert found == {
        "status": {"gunicorn": "200 OK", "uvicorn": "400", "wsgi": "200 OK", "asgi": "200 OK"},
        "body": {"gunicorn": "one", "wsgi": "one", "asgi": "two"},
    }


def test_patterns() -> None:
    """An asterisk is any text, and nothing else is special."""
    assert fits("a*[c]", "ab[c]")
    assert not fits("a*", "ba")
    assert not fits(".", "a")


def test_a_response_is_taken_apart() -> None:
    """Dates and names of servers have no value, and a response that is cut off is seen to be."""
    data = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 Fine\r\nDate: now\r\nContent-Length: 5\r\n\r\nabc"
    seen = observe(list(read_answers(data, ["POST"])), ["started with environ by X", "finished by X"], str)
    assert seen == {
        "status": "100 Continue, then 200 Fine",
        "field date": "sent",
        "field content-length": "5",
        "end": "cut off",
        "body": "abc",
        "events": "started, finished",
        "started with": "environ",
        "sender": "X",
    }
