"""Takes blocks of commands apart: what is typed, and what is said to come of it."""

import re
from dataclasses import dataclass

from tests.support.documents.blocks import Block


@dataclass(frozen=True)
class Command:
    """A line that is typed, and the lines that follow as its output, where the block shows output."""

    line: str
    output: str | None


def commands_of(block: Block) -> list[Command]:
    """List the commands of a block: after `$ `, with their output, or else each line is one."""
    text = block.code.replace("\\\n", " ")
    if not text.startswith("$ "):
        return [Command(line.strip(), None) for line in text.splitlines() if line.strip()]
    parts = re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]
    return [Command(line, output) for line, _, output in (part.partition("\n") for part in parts)]


def fits(shown: str, printed: str) -> bool:
    """Tell whether a program printed what a page shows; three dots stand for anything, blanks for some."""
    pattern = r".*?".join(r"\s+".join(map(re.escape, part.split())) for part in shown.split("…"))
    return re.fullmatch(rf"\s*{pattern}\s*", printed, re.DOTALL) is not None
