"""The chain that is worked out from facts, beside the one that Django builds: hops are counted by serving."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hybrid.adapters.django.migrate.chain.comparison import Compared, compare
from hybrid.adapters.django.migrate.chain.model import Chain, Kind, Lane
from hybrid.adapters.django.migrate.chain.simulation import chain_of
from hybrid.adapters.django.migrate.project.facts import Facts
from tests.support.middleware_lab import LAB, MiddlewareLab
from tests.support.needs import require_module

STARTPROJECT = (
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
)
GOOD = (
    *(
        "Both",
        "Request",
        "Response",
        "Hooks",
        "AsyncHook",
        "CallsSuper",
        "SyncClass",
        "AsyncClass",
        "DualClass",
    ),
    *("NotUsed", "PassesOn", "sync_function", "dual_function", "async_function"),
)
BAD = ("TouchesOfSuper", "TouchesResponse", "NoInit", "says_async")
KNOWN = (
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django.middleware.http.ConditionalGetMiddleware",
)
URLS = ("/sync", "/async", "/template", "/nowhere")


def paths(*names: str) -> list[str]:
    """Return the paths of middleware of the lab."""
    return [name if "." in name else f"{LAB}.middleware.{name}" for name in names]


@pytest.fixture(scope="module")
def lab() -> Iterator[MiddlewareLab]:
    """Give the process, which serves all of them."""
    require_module("django")
    with MiddlewareLab() as process:
        yield process


def facts_of(answer: dict[str, Any]) -> Facts:
    """Return the facts of what the lab says."""
    said = {name: answer[name] for name in ("middleware", "receivers", "versions")}
    return Facts.from_json({"version": Facts().version, **said})


def both(lab: MiddlewareLab, *names: str) -> Iterator[tuple[Chain, Compared]]:
    """Give what is simulated with what is counted, for each lane and each kind of view."""
    answer = lab.serve(paths(*names), *URLS)
    facts = facts_of(answer)
    for runs in answer["runs"].values():
        for run in runs:
            chain = chain_of(Lane(run["lane"]), facts)
            yield chain, compare(chain, run)


@settings(max_examples=150)
@example(list(STARTPROJECT))
@example(["sync_function", "async_function", "sync_function"])
@given(st.lists(st.sampled_from([*GOOD, *KNOWN]), max_size=7, unique=True))
def test_what_is_as_it_says(lab: MiddlewareLab, names: list[str]) -> None:
    """Whatever the order, each hop that Django makes was foreseen, by its kind and what it is for."""
    for chain, compared in both(lab, *names):
        assert not chain.error
        assert not chain.problems
        assert compared.status == (404 if compared.reached == "no route" else 200), chain
        assert compared.agrees is True, (chain.lane, compared.differences)


@settings(max_examples=100)
@example(["Request", "says_async"])
@example(["Request", "Hooks", "AsyncHook", "says_async"])
@given(st.lists(st.sampled_from([*GOOD, *BAD]), min_size=1, max_size=5, unique=True))
def test_what_is_not_as_it_says(lab: MiddlewareLab, names: list[str]) -> None:
    """No request fails of whose chain nothing was said; and what is served costs what was foreseen."""
    for chain, compared in both(lab, *names):
        if compared.status == 500:
            assert chain.problems, (chain.lane, chain)
        elif compared.status == 200:
            assert compared.agrees is True, (chain.lane, compared.differences)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("TouchesResponse", "own __call__ is synchronous"),
        ("TouchesOfSuper", "own __call__ is synchronous"),
        ("says_async", "what it makes is no coroutine function"),
        ("NoInit", "what it makes is no coroutine function"),
    ],
)
def test_what_breaks_on_asgi_is_told_of(lab: MiddlewareLab, name: str, said: str) -> None:
    """Django answers 500 there, and the layer says why; on WSGI nothing is wrong, nor on the asgi lane of
    hybrid where a class is taken for synchronous.
    """
    for chain, compared in both(lab, "Response", name):
        if chain.lane is Lane.WSGI or (chain.lane is Lane.HYBRID and name != "says_async"):
            assert not chain.problems
            assert compared.status in (200, 404)
            assert compared.agrees
        else:
            assert said in chain.problems[0].problem
            assert chain.problems[0].path.endswith(name)
            assert compared.status == 500


def test_a_synchronous_layer_hides_it(lab: MiddlewareLab) -> None:
    """Inside of it, a synchronous middleware makes all that is around it synchronous, and nothing fails."""
    for chain, compared in both(lab, "TouchesResponse", "SyncClass"):
        assert not chain.problems
        assert compared.agrees is True


def test_startproject(lab: MiddlewareLab) -> None:
    """Its middleware costs 16 hops for a sync view on ASGI, 15 for an async one; hybrid's 5, 4."""
    facts = facts_of(lab.serve(STARTPROJECT))
    chains = {lane: chain_of(lane, facts) for lane in Lane}
    hops = {
        lane: [len(chain.hops(is_async=each)) for each in (False, True)] for lane, chain in chains.items()
    }
    assert hops == {Lane.WSGI: [0, 1], Lane.ASGI: [16, 15], Lane.HYBRID: [5, 4]}


def test_one_synchronous_layer_keeps_a_thread(lab: MiddlewareLab) -> None:
    """The innermost that is synchronous waits on a thread for an async view; around it nothing hops."""
    facts = facts_of(lab.serve(paths("Both", "sync_function", "Both")))
    chain = chain_of(Lane.ASGI, facts)
    assert chain.top is Kind.TO_THREAD
    assert chain.holds_thread.endswith("sync_function")
    assert [each.is_async for each in chain.layers] == [False, False, True]
    assert [len(each.hops) for each in chain.layers] == [0, 0, 2]
    assert not chain_of(Lane.WSGI, facts).holds_thread


def test_neither_synchronous_nor_asynchronous() -> None:
    """Django does not build such a chain, and neither is anything said of its hops."""
    facts = Facts.from_json(
        {"version": Facts().version, "middleware": [{"path": "a.B", "sync_capable": False}]}
    )
    assert "a.B says that it is neither" in chain_of(Lane.ASGI, facts).error
