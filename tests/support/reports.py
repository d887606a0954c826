"""Reports: one with something of everything, and what can be read back from each format."""

import json
import re
from collections.abc import Iterable
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

from hybrid.adapters.django.migrate.audit import Audit
from hybrid.adapters.django.migrate.findings import Finding, Fix, FixKind, Level, Place
from hybrid.adapters.django.migrate.gather import Asked
from hybrid.adapters.django.migrate.project.facts import Facts, Failure, MiddlewareFact, RouteFact, Where
from hybrid.adapters.django.migrate.project.importing import import_project
from hybrid.adapters.django.migrate.report import render
from hybrid.adapters.django.migrate.report.report import (
    Broken,
    Ignored,
    Package,
    Reading,
    Report,
    UnusedIgnore,
    causes_of,
)
from hybrid.adapters.django.migrate.source.sources import Unread
from tests.support.sources import finding

#: Of a finding: its rule, file, line and level.
Spot = tuple[str, str, int, str]

#: What a page, or a drawing, must not take for its own.
HOSTILE = "<script>alert('x')</script>&quot;\"'{{ 7*7 }}</style>]]>"

PATCH = """--- a/shop/views.py
+++ b/shop/views.py
@@ -1,3 +1,3 @@
 def cart(request):
-    return request.environ
+    return request.META
 \n"""


def full_report(root: Path, name: str = "shop") -> Report:
    """Return a report that has something of everything; every name in it has ``name`` in it.

    Args:
        root: of the project, in which ``shop/views.py`` is written, and ``manage.py``.
        name: what the project's people have called things.
    """
    views = root / "shop" / "views.py"
    views.parent.mkdir(parents=True, exist_ok=True)
    views.write_text(f"def cart(request):\n    return request.environ\n\n# {name}\n")
    settings = root / "settings.py"
    settings.write_text("")
    cart = Place("shop/views.py", 2, 2, f"{name}.views.cart")
    fix = Fix(FixKind.AUTO, f"write META {name}", PATCH)
    findings = [
        finding(
            place=cart, routes=(f"{name}:cart",), reachable=True, fix=fix, evidence=f"cart of {name}[0](x)"
        ),
        finding("HM104", "shop/m.py", 2, symbol=f"{name}.M", routes=("*",), masked_by=f"HM302 in {name}.Old"),
        finding("HM302", "shop/m.py", 9, symbol=f"{name}.Old", level=Level.WARNING, lanes=("asgi",)),
        finding(
            "HM402", f"{name}/a b.py", 3, level=Level.WARNING, reachable=False, fix=Fix(FixKind.NONE, "")
        ),
        finding("HM112", place=Place(symbol=f"gevent {name}"), level=Level.NOTE),
    ]
    return Report(
        tuple(each for cause in causes_of(findings) for each in cause.findings),
        _facts(name, views, settings),
        Reading(
            root,
            files=2,
            lines=1200,
            unread=(Unread(f"{name}.py", "invalid syntax", 4),),
            ignored=(Ignored(finding("HM102", line=7, symbol=name), f"of {name}"),),
            unused_ignores=(UnusedIgnore("a.py", 9, ("HM103",)),),
        ),
        (Package(name, "6.9", (name,), (), {"HM305": 2}, f"It collects {name}."),),
        (Broken("HM305", f"KeyError: {name}"),),
        {"import": 1.25, "read": 0.5},
    )


def _facts(name: str, views: Path, settings: Path) -> Facts:
    mixin = MiddlewareFact(
        f"{name}.M", is_mixin=True, async_capable=True, becomes_async=True, hooks={"process_request": False}
    )
    return Facts(
        settings_module=f"{name}.settings",
        versions={"django": "5.2", "python": f"3.11 {name}"},
        modules={f"{name}.settings": str(settings)},
        middleware=(mixin, MiddlewareFact(f"{name}.Old")),
        routes=(
            RouteFact("cart/", f"{name}:cart", f"{name}.View", Where(str(views), 1), lane="wsgi; sync-view"),
            RouteFact(f"{name}/", "", f"{name}.other", is_async=True, lane=f"asgi; {name}", error=name),
        ),
        queries=(f"SELECT 1 -- {name}",),
        failures=(Failure("urlconf", f"ImportError: {name}", Where(f"/srv/{name}.py", 3), f"File {name}"),),
    )


@cache
def demo_report() -> Report:
    """Audit ``demo_django``, from the directory that it is imported from."""
    return Audit(Asked(), import_project("demo_django.settings")).report()


def spots(findings: Iterable[Finding]) -> set[Spot]:
    """Return what findings are about."""
    return {(each.rule, each.place.file, each.place.line, each.level.value) for each in findings}


def routes_with_findings(report: Report) -> set[str]:
    """Return the routes that findings name."""
    return {route for each in report.findings for route in each.routes}


def spots_in_text(text: str) -> set[Spot]:
    """Read the findings of a report in text."""
    found: set[Spot] = set()
    rule = level = ""
    blocks = text.split("\n\n")[1:]  # without the head
    for block in blocks:
        first, *lines = re.sub(r"\n {4,}", " ", block).splitlines()
        if not (head := re.match(r"(error|warning|note) (H[MF]\d{3}): ", first)):
            continue
        level, rule = head.groups()
        for line in lines:
            if place := re.match(r"  (\S+):(\d+) in \S+(?: \((error|warning|note)?)?", line):
                found.add((rule, place[1], int(place[2]), place[3] or level))
            elif more := re.match(r"  … and .* with the same cause: (.*)", line):
                for each in re.finditer(r"(\S+):(\d+)(?: \((\w+)\))?", more[1]):
                    found.add((rule, each[1], int(each[2]), each[3] or level))
    return found


def routes_in_text(text: str) -> set[str]:
    """Read the routes with findings of a report in text."""
    begin = text.index("Routes with findings, by their rules")
    block = re.sub(r"\n {4,}", " ", text[begin:].partition("\n\n")[0])
    names = [name for line in block.splitlines()[1:] for name in line.split(": ", 1)[1].split(", ")]
    return {{"every route": "*", "/": ""}.get(name, name) for name in names}


def spots_in_json(said: dict[str, Any]) -> set[Spot]:
    """Read the findings of a report in JSON."""
    return {(each["rule"], each["file"], each["line"], each["level"]) for each in said["findings"]}


def spots_in_sarif(said: dict[str, Any], root: Path) -> set[Spot]:
    """Read the findings of a report in SARIF, by the addresses of their files."""
    (run,) = said["runs"]
    bases = {name: each["uri"] for name, each in run["originalUriBaseIds"].items()}
    found: set[Spot] = set()
    for each in run["results"]:
        if each["suppressions"]:
            continue
        file, line = "", 0
        if each["properties"]["in_file"]:
            physical = each["locations"][0]["physicalLocation"]
            artifact = physical["artifactLocation"]
            uri = urlparse(bases.get(artifact.get("uriBaseId"), "") + artifact["uri"])
            path = Path(unquote(uri.path))
            file = path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
            line = physical.get("region", {}).get("startLine", 0)
        found.add((each["ruleId"], file, line, each["level"]))
    return found


def spots_in_page(page: "Element") -> set[Spot]:
    """Read the findings of a page, as people see them."""
    found: set[Spot] = set()
    for box in page.all("article", class_="rule-box"):
        (head,) = box.all("h3")
        level, rule = head.all("span")[0].text, head.all("span")[1].text
        for each in box.all("li", class_="finding"):
            (above,) = each.all("p", class_="head")
            own = [badge.text for badge in above.all("span", class_="badge")]
            place = above.all("code", class_="place")[0].text
            file, _, line = place.rpartition(":")
            found.add((rule, file, int(line or 0), *(own or [level])))  # type: ignore[arg-type]
    return found


class Element:
    """An element of a page."""

    def __init__(self, name: str, said: dict[str, str]) -> None:
        self.name, self.said = name, said
        self.inside: list[Element | str] = []

    @property
    def text(self) -> str:
        """All text in it, with single spaces."""
        return " ".join("".join(self._parts()).split())

    def _parts(self) -> Iterable[str]:
        for each in self.inside:
            yield from [each] if isinstance(each, str) else each._parts()

    def all(self, name: str = "", class_: str = "") -> "list[Element]":
        """Return the elements in it with this name and this class."""
        found: list[Element] = []
        for each in self.inside:
            if isinstance(each, Element):
                fits = name in {"", each.name} and (
                    not class_ or class_ in each.said.get("class", "").split()
                )
                found += [each] if fits else []
                found += each.all(name, class_)
        return found

    def by_id(self, name: str) -> "Element":
        """Return the one element in it with this id."""
        (found,) = (each for each in self.all() if each.said.get("id") == name)
        return found


def read_page(html: str) -> Element:
    """Read a page; every element that can have an end must have one."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    assert len(reader.open) == 1, [each.name for each in reader.open]
    return reader.open[0]


class _Reader(HTMLParser):
    VOID = ("meta", "input", "br")

    def __init__(self) -> None:
        super().__init__()
        self.open = [Element("", {})]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        assert len(element.said) == len(attrs), f"an attribute of {tag} is there twice"
        self.open[-1].inside.append(element)
        if tag not in self.VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().name == tag

    def handle_data(self, data: str) -> None:
        self.open[-1].inside.append(data)


def page_of(report: Report) -> Element:
    """Write a report as a page, and read that."""
    return read_page(render(report, "html"))


def sarif_of(report: Report) -> dict[str, Any]:
    """Write a report as SARIF, and read that."""
    said: dict[str, Any] = json.loads(render(report, "sarif"))
    return said
