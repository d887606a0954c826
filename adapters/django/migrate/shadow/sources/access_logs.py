"""Access logs in the common and the combined format, which most servers can write; and bare paths."""

import re
from typing import Final

from hybrid.adapters.django.migrate.shadow.exchanges import Request
from hybrid.adapters.django.migrate.shadow.recordings import Recorded

#: ``"GET /path HTTP/1.1"``, and at the end of a combined line ``"referrer" "user agent"``.
_LINE: Final = re.compile(
    r'"(?P<method>[A-Z]+) (?P<target>/\S*)(?: HTTP/[\d.]+)?" '
    r'(?:\d{3} \S+(?: "(?P<referer>[^"]*)" "(?P<agent>[^"]*)")?)?'
)


def read_log_line(line: str) -> Recorded | None:
    """Return the request of a line, with a body for none; None where the line has no request."""
    line = line.strip()
    if line.startswith("/") and not line.startswith("//") and " " not in line:
        return Recorded(Request("GET", line))
    found = _LINE.search(line)
    if found is None:
        return None
    fields = (("referer", found["referer"]), ("user-agent", found["agent"]))
    headers = tuple((name, value) for name, value in fields if value and value != "-")
    return Recorded(Request(found["method"], found["target"], headers))
