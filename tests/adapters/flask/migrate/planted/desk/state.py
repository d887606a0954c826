import threading

from flask import Blueprint, g, request, session

pages = Blueprint("state", __name__)
lock = threading.Lock()
local = threading.local()  # HF403
numbers = threading.local()  # not HF403
counts = {"front": 0}
latest = {}
current_user = None
hits = 0
safe = 0


@pages.before_request
def note():
    global current_user
    current_user = session.get("user")  # HF201
    local.ticket = request.args.get("ticket")
    numbers.last = 3
    g.user = session.get("user")  # not HF201


@pages.get("/hits")
def hit():
    global hits, safe
    hits += 1  # HF402
    counts["front"] += 1  # HF402
    with lock:
        safe += 1  # not HF402
    here = 0
    here += 1  # not HF402
    latest[request.args["id"]] = request.args["value"]  # not HF201
    latest["reading"] = request.get_json()  # HF201
    return str(hits + here)
