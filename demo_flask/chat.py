"""The rooms: plain synchronous views, as in any other Flask application."""

from flask import Blueprint, abort, g, jsonify, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from demo_flask import live
from demo_flask.accounts import is_page
from demo_flask.store import Room, TooManyMessages, TooManyRooms, get_store
from demo_flask.text import MAX_ROOM_NAME, MAX_TEXT, Unfit, check_room, check_text

#: Messages on a page, and in an answer to one.
AT_ONCE = 50

_MAX_KEY = 40

#: SQLite's integers end there, and no message has a larger number.
_LAST = 2**63 - 1

pages = Blueprint("chat", __name__)


@pages.get("/")
def rooms() -> ResponseReturnValue:
    """Show the rooms, and a form for another one."""
    return _rooms()


@pages.post("/rooms")
def open_room() -> ResponseReturnValue:
    """Open a room, and go there; one that is there already stays as it is."""
    try:
        slug, name = check_room(request.form.get("name", ""))
        get_store().open_room(slug, name)
    except Unfit as error:
        return _rooms(str(error)), 400
    except TooManyRooms:
        return _rooms("There are too many rooms. Please use one of them."), 409
    return redirect(url_for("chat.room", slug=slug), 303)


@pages.get("/rooms/<slug>")
def room(slug: str) -> ResponseReturnValue:
    """Show a room: its newest messages, or those before `?before=NUMBER`."""
    return _room(_room_at(slug))


@pages.post("/rooms/<slug>/messages")
def post(slug: str) -> ResponseReturnValue:
    """Say something in a room: for the page's script in JSON, for a plain form with a redirect."""
    room = _room_at(slug)
    key = request.form.get("key", "")[:_MAX_KEY] or None
    try:
        message, new = get_store().add(room, g.account, check_text(request.form.get("text", "")), key)
    except Unfit as error:
        return _refusal(room, str(error), 400)
    except TooManyMessages as error:
        return _refusal(room, str(error), 429, error.seconds)
    # Several at once may be announced in another order than they are kept: pages go by the numbers.
    if new:
        live.announce(room, message)
    if is_page():
        return redirect(url_for("chat.room", slug=slug), 303)
    return jsonify(message=message.as_json()), 201


@pages.get("/rooms/<slug>/messages")
def messages(slug: str) -> ResponseReturnValue:
    """Return what a page lacks: messages after `?after=NUMBER`, or before `?before=NUMBER`, oldest first."""
    room = _room_at(slug)
    if "before" in request.args:
        found = get_store().before(room, _number("before"), AT_ONCE)
        more = bool(found) and found[0].number > 1
    else:
        found = get_store().after(room, _number("after"), AT_ONCE)
        more = bool(found) and found[-1].number < room.messages
    return jsonify(messages=[message.as_json() for message in found], more=more)


def _room_at(slug: str) -> Room:
    return get_store().room(slug) or abort(404, "There is no such room.")


def _number(name: str) -> int:
    """Return the number of a message that the address names."""
    try:
        return min(max(int(request.args.get(name, "0")), 0), _LAST)
    except ValueError:
        abort(400, f"{name} must be a whole number: that of a message")


def _rooms(error: str = "") -> str:
    rooms = [(room, live.people(room)) for room in get_store().rooms()]
    return render_template("rooms.html", rooms=rooms, error=error, max_name=MAX_ROOM_NAME)


def _room(room: Room, error: str = "") -> str:
    older = "before" in request.args
    found = get_store().before(room, _number("before") if older else _LAST, AT_ONCE)
    return render_template(
        "room.html",
        room=room,
        rooms=get_store().rooms(),
        people=live.people(room),
        messages=found,
        older=older,
        error=error,
        max_text=MAX_TEXT,
    )


def _refusal(room: Room, reason: str, status: int, seconds: int | None = None) -> ResponseReturnValue:
    """Say what is wrong: in JSON, or on the page with what was written still in the form."""
    answer = make_response(_room(room, reason)) if is_page() else jsonify(error=reason)
    answer.status_code = status
    if seconds:
        answer.headers["Retry-After"] = str(seconds)
    return answer
