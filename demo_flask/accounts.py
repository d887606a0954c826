"""Signing up, in and out: Flask's signed session cookie says who somebody is."""

import functools

from flask import Blueprint, abort, g, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from werkzeug.security import check_password_hash, generate_password_hash

from demo_flask import live
from demo_flask.store import Account, NameTaken, get_store
from demo_flask.text import MAX_NAME, MAX_PASSWORD, MIN_PASSWORD, Unfit, check_name, check_password

pages = Blueprint("accounts", __name__)

#: What can be had without signing in, "not found" too. All else, WebSockets too, is for those who have.
_PUBLIC = (None, "accounts.sign_in", "accounts.sign_up")


@pages.before_app_request
def find_account() -> ResponseReturnValue | None:
    """Set `g.account`, and send who has none to sign in; a script or a WebSocket is answered 401."""
    if request.endpoint == "static":
        return None
    account = get_store().account(session["account"]) if "account" in session else None
    # A cookie cannot be taken back; what it says can cease to count.
    if account and account.session == session["session"]:
        g.account = account
    elif request.endpoint not in _PUBLIC:
        if not is_page():
            abort(401, "You are signed out.")
        return redirect(url_for("accounts.sign_in", room=(request.view_args or {}).get("slug")))
    return None


def is_page() -> bool:
    """Return whether a person has followed a link or sent a form; otherwise a script wants JSON."""
    wanted = request.accept_mimetypes.best_match(("text/html", "application/json"))
    return wanted != "application/json" and "Sec-WebSocket-Key" not in request.headers


@pages.route("/sign-up", methods=["GET", "POST"])
def sign_up() -> ResponseReturnValue:
    """Make an account, and sign in with it."""
    if request.method == "GET":
        return _form("sign_up")
    try:
        name = check_name(request.form.get("name", ""))
        password = generate_password_hash(check_password(request.form.get("password", "")))
        account = get_store().sign_up(name, password)
    except Unfit as error:
        return _form("sign_up", str(error)), 400
    except NameTaken:
        return _form("sign_up", "Somebody has this name already. Please choose another one."), 409
    return _enter(account)


@pages.route("/sign-in", methods=["GET", "POST"])
def sign_in() -> ResponseReturnValue:
    """Sign in with name and password."""
    if request.method == "GET":
        return _form("sign_in")
    account = get_store().account_named(request.form.get("name", ""))
    password = request.form.get("password", "")[:MAX_PASSWORD]
    # Somebody who does not exist takes as long.
    fits = check_password_hash(account.password if account else _nobody(), password)
    if account and fits:
        return _enter(account)
    return _form("sign_in", "Name and password do not belong together."), 403


@pages.post("/sign-out")
def sign_out() -> ResponseReturnValue:
    """End all of somebody's sessions, and close their open pages' sockets, in every process."""
    get_store().sign_out(g.account)
    live.disconnect(g.account)
    session.clear()
    return redirect(url_for("accounts.sign_in"), 303)


def _enter(account: Account) -> ResponseReturnValue:
    session.clear()
    session.update(account=account.id, session=account.session)
    session.permanent = True
    room = request.args.get("room")
    return redirect(url_for("chat.room", slug=room) if room else url_for("chat.rooms"), 303)


def _form(page: str, error: str = "") -> str:
    limits = {"max_name": MAX_NAME, "min_password": MIN_PASSWORD, "max_password": MAX_PASSWORD}
    return render_template(f"{page}.html", error=error, **limits)


@functools.cache
def _nobody() -> str:
    return generate_password_hash("a password that nobody has")
