"""A Flask application whose view renders a page, as most of them do."""

from flask import Flask, render_template_string

app = Flask(__name__)

_ROWS = [(number, f"Name of number {number}", number * 1.25) for number in range(40)]
_TEMPLATE = """<!doctype html>
<title>A page</title>
<table>
{% for number, name, price in rows %}<tr><td>{{ number }}<td>{{ name }}<td>{{ "%.2f"|format(price) }}
{% endfor %}</table>
"""


@app.get("/")
def page() -> str:
    """Answer `GET /` with a table of forty rows."""
    return render_template_string(_TEMPLATE, rows=_ROWS)


def _render() -> str:
    with app.test_request_context():
        return page()


#: What the answer is.
PAGE = _render()
