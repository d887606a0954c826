"""The steps of a plan: which there are, in which order, and what stands in each."""

import pytest

from hybrid.adapters.django.migrate.catalogue import RULES
from hybrid.adapters.django.migrate.findings import Fix, FixKind, Level
from hybrid.adapters.django.migrate.plan.known import Known
from hybrid.adapters.django.migrate.plan.plan import Plan
from hybrid.adapters.django.migrate.plan.step import Block, Command, Step
from hybrid.adapters.django.migrate.plan.written.markdown import render
from hybrid.adapters.django.migrate.project.facts import Facts, Failure, MiddlewareFact
from hybrid.adapters.django.migrate.report.report import Package, Reading, Report
from tests.support.plans import compared, known, number, observed, of_view, route, seen, steps
from tests.support.planted import PROJECT, audited
from tests.support.sources import finding

CART = (route("cart"),)
SUGGESTED = Fix(FixKind.SUGGEST, "write it otherwise")


@pytest.fixture(scope="module")
def planted() -> Plan:
    """Plan the move of the planted project."""
    return Plan(Known(audited("shop.settings")))


def lines(step: Step) -> list[str]:
    """Return the commands that a step names."""
    return [each.line for each in (*step.how, *step.check) if isinstance(each, Command)]


def test_every_rule_is_seen_to(planted: Plan) -> None:
    """Each finding of the planted project stands in a step, or in what is said of a view that stays."""
    text = render(planted)
    for each in audited("shop.settings").findings:
        assert each.rule in text
    told = {evidence.rule for step in steps(planted) for evidence in step.evidence}
    staying = " ".join(each.why for each in planted.staying)
    found = {each.rule for each in audited("shop.settings").findings}
    assert {each for each in found if each not in told and each not in staying} == set()


def test_every_step_is_complete(planted: Plan) -> None:
    """What to do, why, how, by what one knows, and the way back; what is to be run has an exit code."""
    for step in steps(planted):
        for said in (step.title, step.why, step.how, step.check, step.back):
            assert said, step
        for each in step.check:
            assert isinstance(each, str) or each.code == 0, step
    assert len({step.title for step in steps(planted)}) == len(steps(planted))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Upgrade Django", "Let no client say who"),
        ("Let no client say who", "broken on both lanes"),
        ("Ask the database asynchronously", "Make views of REST framework"),
        ("Make views of REST framework", "Let each class of views"),
        ("main thread alone", "Let CI refuse"),
        ("Let CI refuse", "Serve with hybrid"),
        ("Let asgi.py be put right", "Serve with hybrid"),
        ("gevent", "Serve with hybrid"),
        ("Do not block the event loop", "Serve with hybrid"),
        ("Look at what async_to_sync runs", "Serve with hybrid"),
        ("Serve with hybrid", "breaks on ASGI be put right"),
        ("Look at what views do", "breaks on ASGI be put right"),
        ("breaks on ASGI be put right", "Send safe requests"),
        ("Send safe requests", "Make Marked able"),
        ("breaks on ASGI be put right", "Make Marked able"),
        ("Make Marked able", "Make OwnCall able"),
        ("Make OwnCall able", "how much worse"),
        ("how much worse", "Move capacity.streams.asynchronous"),
        ("Move capacity.streams.asynchronous", "Write the lanes down"),
        ("Write the lanes down", "Tidy up"),
    ],
)
def test_the_order(planted: Plan, first: str, second: str) -> None:
    """What is wrong today, the server, the code, middleware from the inside, views, and the rest; what is
    hidden comes before what hides it.
    """
    assert number(planted, first) < number(planted, second)


def test_hm104_is_marked_before_its_mask_goes(planted: Plan) -> None:
    """And the step that unmasks says so, with what comes to light."""
    marked = next(step for step in steps(planted) if "HM104" in step.rules)
    assert "hybrid migrate fix --settings shop.settings HM101 HM103 HM104 HM401 --write" in lines(marked)
    unmasks = next(step for step in steps(planted) if "Make Marked" in step.title)
    assert "What it hides must be put right before: HM104." in unmasks.why
    assert [each.rule for each in unmasks.evidence] == ["HM302", "HM104"]


def test_what_middleware_gains() -> None:
    """Each step says what the chain costs before and after it; the last one lets the thread go."""
    middleware = (MiddlewareFact("shop.Outer"), MiddlewareFact("shop.Inner"))
    plan = Plan(known(routes=CART, middleware=middleware))
    inner, outer = (next(each for each in steps(plan) if name in each.title) for name in ("Inner", "Outer"))
    assert number(plan, "Inner") < number(plan, "Outer")
    assert "holds no thread any more" in outer.why
    assert "holds no thread" not in inner.why
    assert "hybrid migrate chain --settings shop.settings --if shop.Inner=async" in lines(inner)


def test_middleware_of_packages() -> None:
    """Nobody is told to rewrite it."""
    plan = Plan(known(routes=CART, middleware=(MiddlewareFact("other.Old", distribution="other-shop"),)))
    (step,) = (each for each in steps(plan) if "Old" in each.title)
    assert any("other-shop" in each for each in step.how if isinstance(each, str))
    assert not any("fix" in each for each in lines(step))


def test_no_view_gains_by_middleware() -> None:
    """Without an asynchronous view the chain is left alone, and nothing moves."""
    plan = Plan(known(routes=(route("cart", "sync"),), middleware=(MiddlewareFact("shop.Old"),)))
    assert [stage.title for stage in plan.stages] == ["Today", "The server", "The code", "At the end"]
    assert [each.what for each in plan.staying] == ["1 synchronous view"]


def test_what_fix_does_and_what_hands_must() -> None:
    """Findings that can be put right by rote have a step, and others of the same rule another one."""
    rote = finding("HM113", fix=Fix(FixKind.AUTO, "asyncio.run()"), lanes=("wsgi", "asgi"))
    hand = finding("HM113", line=9, fix=SUGGESTED, lanes=("wsgi", "asgi"))
    by_rote, by_hand = (each for each in steps(Plan(known(rote, hand))) if "HM113" in each.rules)
    assert lines(by_rote) == [
        "hybrid migrate fix --settings shop.settings HM113",
        "hybrid migrate fix --settings shop.settings HM113 --write",
        "hybrid migrate fix --settings shop.settings HM113",
    ]
    assert [each.where for each in by_rote.evidence] == ["a.py:1"]
    assert lines(by_hand) == ["hybrid migrate audit --settings shop.settings --rule HM113 --fail-on note"]
    assert "write it otherwise" in by_hand.how


@pytest.mark.parametrize("rule", ["HM107", "HM302", "HM305"])
def test_what_fix_suggests(rule: str) -> None:
    """Where fix has something to read first, its command is named."""
    middleware = (MiddlewareFact("shop.Old"),) if rule == "HM302" else ()
    found = of_view(rule, "cart", fix=SUGGESTED, lanes=("wsgi", "asgi"))
    plan = Plan(known(found, routes=CART, middleware=middleware))
    named = [line for step in steps(plan) for line in lines(step)]
    assert (f"hybrid migrate fix --settings shop.settings {rule} --suggest" in named) is (rule != "HM305")


def test_what_is_not_known_is_asked_for() -> None:
    """Without observe and shadow there are steps that get them, and the plan says what they would add."""
    plan = Plan(known(routes=CART))
    assert [option for option, _ in plan.missing] == ["--observe", "--shadow"]
    named = [line for step in steps(plan) for line in lines(step)]
    for each in (
        "hybrid serve --config hybrid.toml --observe",
        "hybrid migrate observe --format json --output observe.json",
        "hybrid migrate plan --settings shop.settings --observe observe.json",
        "hybrid migrate shadow --settings shop.settings --format json --output shadow.json",
        "hybrid migrate plan --settings shop.settings --shadow shadow.json",
    ):
        assert each in named
    full = Plan(known(routes=CART, observed=observed(), compared=compared(cart=(3, 0))))
    assert full.missing == []
    titles = [each.title for each in steps(full)]
    assert not [each for each in titles if "plan again" in each]


def test_differences_are_evidence() -> None:
    """Each cause, what both lanes said, how often, and the command that asks again."""
    group = {
        "cause": "a cookie has another path",
        "what": "header",
        "where": "set-cookie",
        "view": "shop:cart",
        "rule": "HM404",
        "count": 3,
        "old": "/",
        "new": "/app",
        "curl": "curl -s http://x/cart/",
    }
    plan = Plan(known(routes=CART, compared=compared(group, cart=(9, 3))))
    (step,) = (each for each in steps(plan) if "Settle" in each.title)
    (evidence,) = step.evidence
    assert evidence.text == "header: a cookie has another path: / on wsgi, /app on asgi, 3 times"
    assert (evidence.rule, evidence.where) == ("HM404", "shop:cart")
    assert "curl -s http://x/cart/" in lines(step)
    assert plan.lanes.moving == ()


def test_figures_are_evidence() -> None:
    """A view that moves has its calls, times, hops and queries, and the threads that it holds."""
    figures = observed(100, cart={"wsgi": seen(200, 1.5, failed=4, hops=400, queries=600)})
    plan = Plan(known(routes=CART, observed=figures, compared=compared(cart=(7, 0))))
    (step,) = (each for each in steps(plan) if each.title == "Move shop:cart")
    assert "On the wsgi lane it holds 3 threads at any time" in step.why
    texts = [each.text for each in step.evidence]
    assert "on wsgi 200 calls, 2.0 % failed, p50 1.5 s, p95 1.5 s, 2.0 hops and 3.0 queries a call" in texts
    assert "7 requests had the same answer on both lanes" in texts
    assert lines(step)[:3] == [
        "hybrid lanes percent shop:cart 25",
        "hybrid lanes percent shop:cart 50",
        "hybrid lanes set shop:cart asgi",
    ]
    assert "`hybrid lanes rollback shop:cart`" in step.back


def test_views_that_fail_today_are_named_beside_the_budget() -> None:
    """Of few requests so many may fail by chance that they step back. What stays on wsgi is not judged, so
    that there is nothing to do about it.
    """
    failing = {"wsgi": seen(100, failed=3)}
    figures = observed(cart=failing, pay={"wsgi": seen(100)}, old=failing)
    kept = of_view("HM101", "old")
    plan = Plan(known(kept, routes=(*CART, route("pay"), route("old")), observed=figures))
    step = next(each for each in steps(plan) if "how much worse" in each.title)
    assert [each.where for each in step.evidence] == ["shop:cart"]
    assert [each.view.name for each in plan.lanes.staying] == ["shop:old"]
    assert (len(step.how), isinstance(step.how[0], Block)) == (2, True)


def test_many_views_share_a_step() -> None:
    """A few have a step each, and all others one."""
    plan = Plan(known(routes=tuple(route(f"v{each}") for each in range(9))))
    moves = [each for each in steps(plan) if each.title.startswith("Move ")]
    assert [each.title for each in moves] == [
        "Move shop:v0",
        "Move shop:v1",
        "Move shop:v2",
        "Move 6 more views",
    ]
    assert len([each for each in lines(moves[-1]) if "percent" in each]) == 6


def test_views_worth_rewriting() -> None:
    """Synchronous ones that take long, what holds threads longest first; not what must not be on asgi."""
    figures = observed(
        a={"wsgi": seen(10, 0.6)},
        b={"wsgi": seen(10, 2.0)},
        c={"wsgi": seen(99, 0.1)},
        d={"wsgi": seen(9, 9.0)},
    )
    routes = tuple(route(each, "sync") for each in "abcd")
    plan = Plan(known(of_view("HM203", "d", Level.WARNING), routes=routes, observed=figures))
    (step,) = (each for each in steps(plan) if "coroutines" in each.title)
    assert [each.where for each in step.evidence] == ["shop:b", "shop:a"]


def test_what_was_seen_to_run() -> None:
    """Findings of observe count as those of the audit, and what both have counts once."""
    run = {
        "rule": "HM307",
        "level": "warning",
        "confidence": "certain",
        "file": "shop/views.py",
        "line": 9,
        "end_line": 9,
        "symbol": "shop.views.cart",
        "evidence": "it blocks",
        "lanes": ["asgi"],
        "seen": "run",
        "fix": {"kind": "suggest", "text": "", "patch": ""},
        "cause": "HM307 shop.views.cart",
        "routes": ["shop:cart"],
        "reachable": True,
        "masked_by": "",
    }
    both = {**run, "rule": "HM402", "line": 3}
    figures = {**observed(), "findings": [run, both]}
    what = known(of_view("HM402", "cart", Level.WARNING), routes=CART, observed=figures)
    assert [each.rule for each in what.findings] == ["HM402", "HM307"]
    assert len(Plan(what).lanes.staying) == 1


def test_a_project_that_does_not_import() -> None:
    """That is the first step, with the error and its place."""
    facts = Facts(failures=(Failure("urlconf", "KeyError: 'X'"),))
    first = steps(Plan(Known(Report((), facts, Reading(PROJECT)))))[0]
    assert first.title == "Let the project import"
    assert first.evidence[0].text == "urlconf: KeyError: 'X'"


def test_what_is_in_packages_is_theirs() -> None:
    """Findings in the source of a package are no steps, but what is known of it is told."""
    theirs = finding("HM101", cause="HM101 other", routes=("shop:cart",))
    package = Package("other", "2.1", ("other",), (), {"HM101": 1}, "Take another.")
    report = Report((theirs,), Facts(routes=CART), Reading(PROJECT), (package,))
    plan = Plan(Known(report))
    assert not [each for each in steps(plan) if "HM101" in each.rules]
    assert plan.packages == [("other 2.1", f"Take another. 1 of HM101 ({RULES['HM101'].title})")]
    assert len(plan.lanes.moving) == 1


def test_where_the_path_tells_no_view() -> None:
    """Then no view moves, and the plan says why."""
    plan = Plan(known(routes=CART, middleware=(MiddlewareFact("shop.ByHost", sets_urlconf=True),)))
    assert [each.what for each in plan.staying] == ["every view"]
    assert "request.urlconf" in plan.staying[0].why
    assert "request.urlconf" in render(plan)
