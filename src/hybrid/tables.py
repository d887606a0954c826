"""What commands print that ask a running server: tables for people, of which clients have a say."""

from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Any

from hybrid.bridge.histogram import BOUNDS
from hybrid.server.ops.escape import tame

_GAP = "  "


def table(headings: Sequence[str], rows: Iterable[Sequence[str]], numbers: Container[str]) -> str:
    """Write rows below their headings; columns whose heading is among ``numbers`` end below each other."""
    lines = [headings, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headings))]
    cells = (
        [
            cell.rjust(width) if heading in numbers else cell.ljust(width)
            for cell, width, heading in zip(line, widths, headings, strict=True)
        ]
        for line in lines
    )
    return "\n".join(_GAP.join(line).rstrip() for line in cells)


def seconds(value: float | None, *, least: str = "1 ms") -> str:
    """Write a time that something took; ``least`` is what was not looked at more closely, see ``BOUNDS``."""
    if value is None:
        return "-"
    if 0 < value < BOUNDS[0]:
        return f"< {least}"
    return f"{value:.2f} s" if value >= 0.9995 else f"{value * 1000:.3g} ms"


def duration(value: float) -> str:
    """Write for how long something has been."""
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if value >= length:
            return f"{value / length:.0f} {unit}"
    return f"{value:.0f} s"


def plain(text: object) -> str:
    """Write a text that may be a client's, on one line."""
    return tame(str(text)).replace("\n", " ").replace("\t", " ")


def missing_text(answer: Mapping[str, Any]) -> str:
    """Say which processes have not answered; nothing where all have."""
    missing = answer.get("missing") or ()
    return f"no answer from process {', '.join(map(str, missing))}" if missing else ""
