"""Where something is around Django's handler, its signals tell which requests are finished."""

from pathlib import Path

import httpx

from tests.support.control import short_folder
from tests.support.needs import require_module
from tests.support.observed_project import findings_of, lane_of, observed
from tests.support.process import DEADLINE

require_module("django")

#: A WSGI middleware that forgets to close what is inside it, and one whose own error nobody catches.
WSGI = """
from django.core.wsgi import get_wsgi_application

inner = get_wsgi_application()


def application(environ, start_response):
    if environ["QUERY_STRING"] == "fail":
        raise LookupError("around Django")  # fails
    parts = inner(environ, start_response)
    if environ["QUERY_STRING"] == "forget":
        return [b"".join(parts)]
    return parts
"""


def test_what_is_around_django(tmp_path: Path) -> None:
    """A response that is not closed, and an error that Django never sees."""
    files = {"shop/wsgi.py": WSGI, "+shop/settings.py": 'WSGI_APPLICATION = "shop.wsgi.application"\n'}
    with short_folder(is_emptied=False) as control, observed(tmp_path, control / "c", files) as found:
        for query in ("", "?forget", "?forget", "?fail"):
            httpx.get(f"{found.server.url}/plain{query}", timeout=DEADLINE)
        said = found.seen()
        assert lane_of(said, "plain", "wsgi")["unfinished"] == 2
        assert lane_of(said, "plain", "wsgi")["failed"] == 1
        assert [each["routes"] for each in findings_of(said, "HM410")] == [["plain"]]
        (escaped,) = findings_of(said, "HM406")
        assert (escaped["file"], escaped["line"]) == ("shop/wsgi.py", found.line("fails", "shop/wsgi.py"))
