"""A plan in all formats."""

import json
import re
import tomllib

import pytest

from hybrid.adapters.django.migrate.findings import Level
from hybrid.adapters.django.migrate.plan.known import Known
from hybrid.adapters.django.migrate.plan.plan import Plan
from hybrid.adapters.django.migrate.plan.written import FORMATS, rendering
from hybrid.adapters.django.migrate.plan.written.markdown import code, escaped
from hybrid.adapters.django.migrate.project.facts import MiddlewareFact, RouteFact
from tests.support.plans import compared, known, observed, of_view, route, seen
from tests.support.planted import audited
from tests.support.reports import HOSTILE, Element, read_page


def write(plan: Plan, form: str) -> str:
    """Return a plan in a format."""
    return rendering(plan, form)(False)


def full(name: str = "shop") -> Plan:
    """Return a plan with all kinds of steps, in which everything has this name in it."""
    group = {"cause": name, "what": "body", "view": name, "old": name, "new": name, "curl": f"curl {name}"}
    routes = (
        route("cart", name=name, view=f"{name}.cart", called=name),
        RouteFact(f"{name}/b", name, f"{name}.b", lane="asgi; async-view", called=f"b {name}"),
        RouteFact(f"{name}/c", "", f"{name}.c", lane="asgi; async-view", called=f"c {name}", error=name),
    )
    middleware = (MiddlewareFact(f"{name}.Old"),)
    found = [
        of_view("HM307", "x", Level.WARNING, routes=(f"{name}/c",), evidence=name),
        of_view("HM102", "y", routes=(), evidence=f"{name} is so", masked_by=f"HM414 in {name}"),
        of_view("HM202", "z", routes=(), evidence=name),
    ]
    said = observed(cart={"wsgi": seen(20)})
    said["views"][0]["name"] = f"b {name}"
    differ = compared(group, cart=(3, 1))
    return Plan(known(*found, routes=routes, middleware=middleware, observed=said, compared=differ))


@pytest.fixture(scope="module")
def planted() -> Plan:
    """Plan the move of the planted project."""
    return Plan(Known(audited("shop.settings")))


@pytest.fixture(scope="module")
def page(planted: Plan) -> Element:
    """Return its page."""
    return read_page(write(planted, "html"))


def test_markdown_and_the_page_have_the_same_steps(planted: Plan, page: Element) -> None:
    """Each step, with its number and title, all its evidence and its commands."""
    text = write(planted, "markdown")
    titles = re.findall(r"^#### (\d+)\. (.*)$", text, re.MULTILINE)
    steps = planted.numbered
    assert [(int(number), title) for number, title in titles] == [
        (number, escaped(step.title)) for number, _, step in steps
    ]
    boxes = page.all("article")
    assert [each.said["id"] for each in boxes] == [f"step-{number}" for number, _, _ in steps]
    for (_, _, step), box in zip(steps, boxes, strict=True):
        for each in step.evidence:
            assert escaped(each.text) in text
            assert " ".join(each.text.split()) in box.text
        for command in (*step.how, *step.check):
            line = getattr(command, "line", "")
            assert line in text
            assert line in box.text


def test_links_on_the_page_lead_somewhere(page: Element) -> None:
    """Each to an id, of which there is one."""
    ids = [each.said["id"] for each in page.all() if "id" in each.said]
    assert len(ids) == len(set(ids))
    assert {each.said["href"][1:] for each in page.all("a")} <= set(ids)


def test_the_page_asks_for_nothing(page: Element) -> None:
    """Its policy is that of the audit's page: nothing but its own style and script."""
    (policy,) = (each.said["content"] for each in page.all("meta") if "http-equiv" in each.said)
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    for element in page.all():
        assert not {"src", "style"} & set(element.said)


def test_nothing_gets_out_of_its_place_on_the_page() -> None:
    """Names that look like markup, a template or the end of the style are text everywhere."""
    text = write(full(HOSTILE), "html")
    assert (text.count("<script"), text.count("<style")) == (1, 1)
    hostile, plain = read_page(text), read_page(write(full(), "html"))
    assert [each.name for each in hostile.all()] == [each.name for each in plain.all()]
    assert hostile.text.count(HOSTILE) > 20


def test_nothing_gets_out_of_its_place_in_markdown() -> None:
    """Outside of code there is no markup, and within it no tick ends it."""
    name = "`]<b>*x*__y__|\n# z"
    text = write(full(name), "markdown")
    assert "\n# z" not in text
    plain = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", re.sub(r"```.*?\n```", "", text, flags=re.DOTALL))
    assert "\\<b\\>" in plain
    assert "<b>" not in plain.replace("\\<b\\>", "")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CONN_MAX_AGE of __call__", r"CONN_MAX_AGE of \_\_call\_\_"),
        ("a*b [c](d) <e> `f` g|h \\", r"a\*b \[c\](d) \<e\> \`f\` g\|h \\"),
        ("# no heading\nhere", r"\# no heading here"),
        ("https://x/y#z", "https://x/y#z"),
    ],
)
def test_text_in_markdown(text: str, expected: str) -> None:
    """What means something is escaped, and nothing else, as people read the source too."""
    assert escaped(text) == expected


@pytest.mark.parametrize(("text", "expected"), [("a", "`a`"), ("a`b", "``a`b``"), ("``a", "``` ``a ```")])
def test_code_in_markdown(text: str, expected: str) -> None:
    """It is between more ticks than it has."""
    assert code(text) == expected


def test_toml(planted: Plan) -> None:
    """The file of the first day: every view is on wsgi, and the budget is a comment for later."""
    text = write(planted, "toml")
    said = tomllib.loads(text)
    assert said.keys() == {"django", "lanes"}
    assert said["django"] == "shop.settings"
    assert set(said["lanes"].values()) == {"wsgi"}
    later = "\n".join(each.removeprefix("# ") for each in text.partition("moves:\n")[2].splitlines())
    assert tomllib.loads(later)["lane_budget"]["requests"] == 20


def test_json(planted: Plan) -> None:
    """Steps with all that they have, lanes, both tables."""
    said = json.loads(write(planted, "json"))
    assert (said["schema"], said["kind"], said["missing"]) == (1, "plan", ["--observe", "--shadow"])
    assert [each["number"] for each in said["steps"]] == [number for number, _, _ in planted.numbered]
    views = {each["view"]: (each["first"], each["last"]) for each in said["lanes"]}
    assert views["capacity.streams.asynchronous"] == ("wsgi", "asgi")
    assert views["queries"] == ("wsgi", "wsgi")
    for table, which in (("first", 0), ("last", 1)):
        lanes = {name: each[which] for name, each in views.items()}
        assert tomllib.loads(said["toml"][table])["lanes"] == lanes
    serve = next(each for each in said["steps"] if each["title"].startswith("Serve"))
    assert {"file", "text"} <= serve["how"][0].keys()
    assert {"command": "hybrid lanes show", "exit_code": 0, "says": "shows no view on asgi"} in serve["check"]


@pytest.mark.parametrize("form", FORMATS)
def test_names_in_other_encodings(form: str) -> None:
    """What UTF-8 cannot say is escaped, so that every plan can be written."""
    text = write(full("caf\udce9"), form)
    assert text.encode().decode() == text


@pytest.mark.parametrize("form", FORMATS)
def test_of_nothing(form: str) -> None:
    """A project of which nothing is known has a plan too."""
    assert write(Plan(known()), form)
