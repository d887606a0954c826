from flask import Flask, current_app  # not HF108
from flask import _request_ctx_stack  # HF108
from flask.json import JSONEncoder  # HF108

try:
    from flask import Markup  # not HF108
except ImportError:
    from markupsafe import Markup

app = Flask(__name__)


@app.before_first_request  # HF108
def first():
    pass


@app.before_request  # not HF108
def each_time():
    pass
