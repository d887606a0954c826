"""The blocks of code of a page in `docs/`."""

import re

from tests.support.process import ROOT

_BLOCK = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: str, language: str = "") -> list[str]:
    """Return the blocks of a page, those in one language if it is given."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return [found[2] for found in _BLOCK.finditer(text) if language in ("", found[1])]
