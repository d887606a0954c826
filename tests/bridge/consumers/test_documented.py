"""What docs/consumers.md shows works as it stands there."""

import re
from typing import Any

from tests.support.layers import run
from tests.support.process import ROOT


def test_the_example_passes_its_test() -> None:
    """The consumer of the page, and the test of it at the end of the page."""
    page = (ROOT / "docs" / "consumers.md").read_text(encoding="utf-8")
    names: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        exec(block, names)  # noqa: S102 - our own page
    run(names["test_chat"]())
