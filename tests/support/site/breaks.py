"""Says where long names in tables may break: a table of settings has three of them in each row."""

import re

_CELL = re.compile(r"<td[^>]*>.*?</td>", re.DOTALL)
_CODE = re.compile(r"<code>[^<]*</code>")


def breakable(html: str) -> str:
    """Let what is code in a cell break after each underscore; copied, it is as it was."""

    def marked(cell: re.Match[str]) -> str:
        return _CODE.sub(lambda code: code[0].replace("_", "_<wbr>"), cell[0])

    return _CELL.sub(marked, html)
