"""A Flask application with rules of its own, some of them in a blueprint."""

from pathlib import Path

from flask import Blueprint, Flask, abort, request

from tests.support.waiting import until

app = Flask(__name__)
shop = Blueprint("shop", __name__, url_prefix="/shop/<lang>")


@app.post("/upload/<name>")
def upload(name: str) -> str:
    """Say how much was sent."""
    return f"{name} {len(request.get_data())}"


@app.get("/held/<path:file>")
def held(file: str) -> str:
    """Answer when a file is gone."""
    until(lambda: not Path("/", file).exists())
    return file


@app.get("/fails/<int:number>")
def fails(number: int) -> str:
    """Fail."""
    abort(500 + number)


@shop.get("/items/<int:number>")
def item(lang: str, number: int) -> str:
    """Answer."""
    return f"{lang} {number}"


app.register_blueprint(shop)
