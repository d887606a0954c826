"""The desk under `hybrid serve`: each view on its lane, files, streams and WebSockets."""

import json
from pathlib import Path

import httpx
import pytest

from tests.support.demo_desk import PASSWORD, Agent, serve_desk
from tests.support.process import DEADLINE, ServerProcess


def test_each_view_is_on_its_lane(desk: ServerProcess) -> None:
    """Synchronous ones on threads, coroutine functions and the stream on the loop."""
    with Agent(desk.url, "ada") as ada:
        lanes = {path: ada.get(path).headers["x-hybrid-lane"] for path in ("/", "/systems/", "/api/tickets/")}
        assert [lane.split(";")[0] for lane in lanes.values()] == ["wsgi", "asgi", "wsgi"]


def test_a_file_comes_back_as_it_was(desk: ServerProcess) -> None:
    """Through a form, to the disk, and to somebody else's."""
    content = bytes(range(256)) * 4000
    with Agent(desk.url, "ada") as ada, Agent(desk.url, "grace") as grace:
        page = "/tickets/7/"
        answer = ada.post(f"{page}attachments/", {}, page, files={"file": ("../a b.bin", content)})
        assert answer.status_code == 302
        path = grace.get(page).text.partition('href="/attachments/')[2].partition('"')[0]
        answer = grace.get(f"/attachments/{path}")
        assert answer.content == content
        assert answer.headers["content-disposition"] == 'attachment; filename="a b.bin"'
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_export_has_every_ticket(desk: ServerProcess) -> None:
    """Of the list as it is filtered."""
    with Agent(desk.url, "ada") as ada:
        assert len(ada.get("/tickets/export.csv").text.splitlines()) == 41
        assert len(ada.get("/tickets/export.csv?q=laptop").text.splitlines()) == 5


def test_a_list_hears_what_a_program_writes(desk: ServerProcess) -> None:
    """Through the stream, which says first that it listens; and the server can stop meanwhile."""
    with Agent(desk.url, "ada") as ada, ada.client.stream("GET", "/events/") as answer:
        assert answer.headers["content-type"] == "text/event-stream"
        lines = answer.iter_lines()
        assert [next(lines) for _ in range(4)] == ["retry: 2000", "event: ready", "data: {}", ""]
        auth = ("grace", PASSWORD)
        made = httpx.post(
            f"{desk.url}/api/tickets/", auth=auth, json={"title": "New"}, timeout=DEADLINE
        ).json()
        assert next(lines) == "event: ticket"
        assert json.loads(next(lines).removeprefix("data: ")) == {"ticket": made["id"], "new": True}
        assert desk.terminate() == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_windows_of_one_ticket_see_each_other(project: Path, workers: int) -> None:
    """Who looks, who edits, and that something was said: in one process, and in two."""
    with (
        serve_desk(project, workers=workers, access_log=False) as server,
        Agent(server.url, "ada") as ada,
        Agent(server.url, "grace") as grace,
        ada.window(server, "/ws/tickets/3/") as looking,
    ):
        assert _people(looking.recv(timeout=DEADLINE)) == [{"name": "ada", "editing": False}]
        with grace.window(server, "/ws/tickets/3/edit/"):
            both = [{"name": "ada", "editing": False}, {"name": "grace", "editing": True}]
            assert _people(looking.recv(timeout=DEADLINE)) == both
        assert _people(looking.recv(timeout=DEADLINE)) == [{"name": "ada", "editing": False}]
        for number in range(4):
            grace.say(3, f"Comment {number}")
            assert json.loads(looking.recv(timeout=DEADLINE)) == {"type": "changed"}


def _people(text: str | bytes) -> object:
    return json.loads(text)["people"]
