"""Draws a chain of middleware as SVG: the event loop on the left, threads on the right, hops between them.

Colours come from the page, by classes, so that a drawing follows its scheme.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final
from xml.etree.ElementTree import Element, SubElement, tostring

from hybrid.adapters.django.migrate.chain.model import Chain, Hop, Kind, Lane, Layer
from hybrid.adapters.django.migrate.report.words import counted

_WIDTH: Final = 440
_BOX: Final = (200, 30)
_ROW: Final = 48
_TOP: Final = 42
_LOOP, _THREAD = 110, 330  # the middle of each side
_LETTERS: Final = 29  # that fit into a box


def draw(chain: Chain, name: str) -> str:
    """Return the drawing of a chain, from the outside to the inside, as an element for a page.

    Args:
        chain: which.
        name: what it is a drawing of, for who does not see it.
    """
    return tostring(_Drawing(chain, name).root, encoding="unicode")


class _Drawing:
    def __init__(self, chain: Chain, name: str) -> None:
        self._chain = chain
        self._is_async = chain.lane is not Lane.WSGI
        self._rows = len(chain.layers) + 3
        height = _TOP + self._rows * _ROW
        self.root = Element("svg", {"viewBox": f"0 0 {_WIDTH} {height}", "role": "img", "class": "chain"})
        SubElement(self.root, "title").text = f"{name}: {counted(len(chain.layers), 'middleware')}"
        self._sides(height)
        self._lines = SubElement(self.root, "g")  # below the boxes
        self._draw()

    def _sides(self, height: int) -> None:
        for x, name in ((_LOOP, "event loop"), (_THREAD, "thread")):
            self._add("rect", f"side {name.split()[-1]}", x=x - 108, y=2, width=216, height=height - 4, rx=8)
            self._text(x, 22, name, "side-name")

    def _draw(self) -> None:
        handler = "WSGIHandler" if self._chain.lane is Lane.WSGI else "ASGIHandler"
        self._box(0, self._is_async, handler, "handler")
        before = (self._is_async, self._chain.top)
        for row, layer in enumerate(self._chain.layers, 1):
            self._layer(row, layer)
            self._edge(row, before, layer.is_async)
            before = (layer.is_async, layer.adapter)
        last = self._rows - 2
        self._box(last, self._is_async, "Django looks for the view", "handler")
        self._edge(last, before, self._is_async)
        for is_async in (True, False):
            kind = next((hop.kind for hop in self._chain.views[is_async]), None)
            self._box(last + 1, is_async, "asynchronous view" if is_async else "synchronous view", "view")
            self._edge(last + 1, (self._is_async, kind), is_async)
        for number, together in groupby(enumerate(self._chain.layers, 1), lambda each: each[1].group):
            self._trips(number, [*together])

    def _layer(self, row: int, layer: Layer) -> None:
        style = "layer fails" if layer.problem else "layer"
        title = f"{layer.path}: {layer.problem}" if layer.problem else layer.path
        self._box(row, layer.is_async, layer.path.rpartition(".")[2], style, title)

    def _trips(self, group: int, layers: Sequence[tuple[int, Layer]]) -> None:
        """Draw what layers do on the other side: those of a group together, others each."""
        if group:
            hops = [hop for _, layer in layers for hop in layer.hops]
            self._trip(layers[0][0], layers[-1][0], layers[0][1].is_async, hops, "together: ")
            return
        for row, layer in layers:
            if layer.hops:
                self._trip(row, row, layer.is_async, layer.hops)

    def _trip(self, first: int, last: int, is_async: bool, hops: Sequence[Hop], how: str = "") -> None:
        x = _THREAD if is_async else _LOOP
        y, height = _y(first), _y(last) - _y(first) + _BOX[1]
        self._add("rect", "trip", x=x - 98, y=y, width=196, height=height, rx=6)
        for row in (first, last) if last > first else (first,):
            self._hop(
                _side(is_async), x + (-98 if is_async else 98), _y(row) + _BOX[1] // 2, both=last == first
            )
        middle = y + height // 2
        self._text(x, middle - 2, ", ".join(_purposes(hops)), "small")
        self._text(x, middle + 10, f"{how}{counted(len(hops), 'hop')}", "small")

    def _hop(self, begin: int, end: int, y: int, *, both: bool) -> None:
        x = begin + (100 if end > begin else -100)
        self._line(f"M{x} {y}H{end}", "hop")
        self._add("circle", "dot", cx=(x + end) // 2, cy=y, r=3.5 if both else 3)

    def _edge(self, row: int, above: tuple[bool, Kind | None], below: bool) -> None:
        was_async, adapter = above
        begin, end = _side(was_async), _side(below)
        top, bottom = _y(row - 1) + _BOX[1], _y(row)
        middle = (top + bottom) // 2
        self._line(f"M{begin} {top}V{middle}H{end}V{bottom}", "edge" if adapter is None else "hop")
        if adapter is not None:
            self._add("circle", "dot", cx=(begin + end) // 2, cy=middle, r=3.5)

    def _box(self, row: int, is_async: bool, name: str, style: str, title: str = "") -> None:
        group = SubElement(self.root, "g", {"class": style})
        if title:
            SubElement(group, "title").text = title
        x, y = _side(is_async), _y(row)
        size = {"width": _BOX[0], "height": _BOX[1], "rx": 6}
        self._add("rect", "box", group, x=x - _BOX[0] // 2, y=y, **size)
        self._text(x, y + 19, _short(name), "name", group)

    def _line(self, path: str, style: str) -> None:
        SubElement(self._lines, "path", {"class": style, "d": path})

    def _text(self, x: int, y: int, text: str, style: str, inside: Element | None = None) -> None:
        target = self.root if inside is None else inside
        SubElement(target, "text", {"x": str(x), "y": str(y), "class": style}).text = text

    def _add(self, name: str, style: str, inside: Element | None = None, **said: float) -> None:
        target = self.root if inside is None else inside
        SubElement(target, name, {"class": style, **{key: str(value) for key, value in said.items()}})


def _side(is_async: bool) -> int:
    return _LOOP if is_async else _THREAD


def _y(row: int) -> int:
    return _TOP + row * _ROW


def _purposes(hops: Sequence[Hop]) -> Iterator[str]:
    """Give what hops are for, once each: ``process_request``, then ``_response``."""
    names = dict.fromkeys(hop.purpose.value for hop in hops)
    first = next(iter(names), "")
    for name in names:
        yield name if name == first else name.removeprefix("process")


def _short(name: str) -> str:
    if len(name) > _LETTERS:
        name = name.removesuffix("Middleware")
    return name if len(name) <= _LETTERS else f"{name[: _LETTERS - 1]}…"
