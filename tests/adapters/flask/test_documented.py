"""What docs/flask.md shows works as it stands there."""

import asyncio
import re
from typing import Any

from tests.support.needs import require_module
from tests.support.process import ROOT


def test_the_example_passes_its_test() -> None:
    """The application of the page, and the test of it further down."""
    require_module("flask_login")
    page = (ROOT / "docs" / "flask.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    names: dict[str, Any] = {"__name__": "documented"}
    for number, block in enumerate(blocks):
        if "await socket.emit(" not in block or "def " in block:  # two lines that stand for themselves
            own = names if number == 0 or "WebSockets(" not in block else {**names}  # what makes others
            exec(block, own)  # noqa: S102 - our own page
    asyncio.run(names["test_chat"]())
    assert names["app"].test_client().post("/say", data={"text": "x"}).text == "said\n"
