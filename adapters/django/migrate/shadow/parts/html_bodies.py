"""HTML as a tree of elements: attributes without order, classes as sets, white space where it counts.

It is read as it is written, and not mended as a browser does: two answers of one template are written alike.
"""

import re
from collections import Counter
from html.parser import HTMLParser
from typing import Final

from hybrid.adapters.django.migrate.shadow.masks import CSRF, NONCE
from hybrid.adapters.django.migrate.shadow.parts.trees import Item, Leaf, Listed, Named, Node

#: Those that have no end (HTML, 13.1.2).
_VOID: Final = frozenset(
    {
        *("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source"),
        *("track", "wbr"),
    }
)
#: In these white space counts.
_VERBATIM: Final = frozenset({"pre", "textarea", "script", "style"})
#: An end tag may be left out before another one of the same kind (HTML, 13.1.2.4).
_SIBLINGS: Final = {
    **dict.fromkeys(("dd", "dt"), frozenset({"dd", "dt"})),
    **{each: frozenset({each}) for each in ("li", "option", "p", "tr")},
    **dict.fromkeys(("td", "th"), frozenset({"td", "th"})),
}
#: What is nested deeper goes into the element around it.
_DEPTH: Final = 80
_CSRF: Final = re.compile(r"csrf", re.IGNORECASE)
_SPACE: Final = re.compile(r"\s+")


class _Open:
    """An element whose end has not come yet."""

    def __init__(self, tag: str, attributes: Node, id_: str = "") -> None:
        self.tag, self.id = tag, id_
        self._attributes = attributes
        self._children: list[tuple[str, str, Node]] = []
        self._text: list[str] = []

    def say(self, text: str) -> None:
        """Take a piece of text."""
        self._text.append(text)

    def take(self, kind: str, node: Node, id_: str = "") -> None:
        """Take a child."""
        self._end_text()
        self._children.append((f"{kind}#{id_}" if id_ else kind, kind, node))

    def close(self) -> Node:
        """Return the element with all that it has."""
        self._end_text()
        named = {"": self._attributes, " >": Listed(tuple(self._items()))}
        return Named.of({step: each for step, each in named.items() if each not in (Named(()), Listed(()))})

    def _end_text(self) -> None:
        text = "".join(self._text)
        self._text.clear()
        if self.tag not in _VERBATIM:
            text = _SPACE.sub(" ", text).strip()
        if text:
            self._children.append(("text", "text", Leaf(text)))

    def _items(self) -> list[Item]:
        """Name the children: those of a kind by number, where there are several."""
        totals, seen = Counter(name for name, _, _ in self._children), Counter[str]()
        items: list[Item] = []
        for name, kind, node in self._children:
            seen[name] += 1
            number = f"[{seen[name]}]" if totals[name] > 1 else ""
            items.append(Item(f" {name}{number}", node, kind))
        return items


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._open = [_Open("", Named(()))]

    def tree(self, text: str) -> Node:
        """Read a page."""
        self.feed(text)
        self.close()
        while len(self._open) > 1:
            self._end()
        return self._open[0].close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open an element."""
        if self._open[-1].tag in _SIBLINGS.get(tag, ()):
            self._end()
        values = {name: value or "" for name, value in reversed(attrs)}  # the first of a name counts
        self._open.append(_Open(tag, _attributes(values), values.get("id", "")))
        if tag in _VOID or len(self._open) > _DEPTH:
            self._end()

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take an element without content."""
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close the innermost element of a kind, and those in it; an end without a beginning is nothing."""
        if any(each.tag == tag for each in self._open[1:]):
            while self._open[-1].tag != tag:
                self._end()
            self._end()

    def handle_data(self, data: str) -> None:
        """Take text."""
        self._open[-1].say(data)

    def handle_comment(self, data: str) -> None:
        """Take a comment."""
        self._open[-1].take("comment", Leaf(data))

    def handle_decl(self, decl: str) -> None:
        """Take the document type."""
        self._open[-1].take("doctype", Leaf(decl.lower()))

    def _end(self) -> None:
        element = self._open.pop()
        self._open[-1].take(element.tag, element.close(), element.id)


def html_tree(text: str) -> Node | None:
    """Return the tree of a page, or of a piece of one; None where Python's parser gives up."""
    try:
        return _Reader().tree(text)
    except AssertionError:  # as at "<![a["
        return None


def _attributes(values: dict[str, str]) -> Named:
    is_token = any(_CSRF.search(values.get(each, "")) for each in ("name", "id"))
    parts: dict[str, Node] = {}
    for name, value in values.items():
        said = " ".join(sorted({*value.split()})) if name == "class" else value
        mask = NONCE if name == "nonce" else CSRF if is_token and name in ("value", "content") else ""
        parts[f" @{name}"] = Leaf(said, mask)
    return Named.of(parts)
