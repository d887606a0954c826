import contextlib
import io
import locale
import os

from flask import Blueprint, request

pages = Blueprint("process", __name__)
os.environ["DESK"] = "1"  # not HF401


@pages.get("/build")
def build():
    os.chdir(request.args["folder"])  # HF401
    os.environ["LANGUAGE"] = request.args["language"]  # HF401
    return os.environ["LANGUAGE"]  # not HF401


@pages.get("/output")
def output():
    with contextlib.redirect_stdout(io.StringIO()) as said:  # HF401
        print("x")
    return said.getvalue() + str(locale.setlocale(locale.LC_ALL))  # not HF401


def setup():
    os.chdir("/")  # not HF401
