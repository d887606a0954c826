"""What hides what."""

import pytest

from hybrid.adapters.django.migrate.findings import Finding, Place
from hybrid.adapters.django.migrate.masking import told_of_masks
from hybrid.adapters.django.migrate.project.facts import Facts, MiddlewareFact
from tests.support.sources import finding

BOTH, SYNC, ASYNC = (True, True), (True, False), (False, True)


def chain(*kinds: tuple[str, tuple[bool, bool]], unused: str = "") -> Facts:
    """Return facts of a chain, from the outside: what each says that it can, WSGI's kind first."""
    return Facts(
        middleware=tuple(
            MiddlewareFact(name, used=name != unused, sync_capable=sync, async_capable=asynchronous)
            for name, (sync, asynchronous) in kinds
        )
    )


OWN_CALL = finding("HM104", symbol="a.Own.__call__")


@pytest.mark.parametrize(
    ("facts", "mask"),
    [
        (chain(("a.Own", BOTH), ("b.Old", SYNC)), "b.Old"),
        (chain(("a.Own", BOTH), ("b.New", BOTH), ("c.Old", SYNC)), "c.Old"),
        (chain(("b.Old", SYNC), ("a.Own", BOTH)), ""),
        (chain(("a.Own", BOTH), ("b.New", ASYNC), ("c.Old", SYNC)), ""),
        (chain(("a.Own", BOTH), ("b.Old", SYNC), unused="b.Old"), ""),
        (chain(("a.Own", BOTH), ("b.Old", SYNC), ("c.Old", SYNC)), "c.Old"),
    ],
)
def test_in_a_chain(facts: Facts, mask: str) -> None:
    """A middleware that says it is asynchronous does no harm outside of a synchronous one."""
    (told,) = told_of_masks([OWN_CALL], facts)
    assert told.masked_by == (mask and f"HM302 in {mask}, which makes the chain around it synchronous")


def test_remote_users_in_a_chain() -> None:
    """RemoteUserMiddleware looks for a header only where it is asynchronous."""
    facts = chain(("a.Remote", BOTH), ("b.Old", SYNC))
    (told,) = told_of_masks([finding("HM201", symbol="MIDDLEWARE", cause="HM201 a.Remote")], facts)
    assert told.masked_by == "HM302 in b.Old, which makes it look where it does on WSGI"


@pytest.mark.parametrize(
    ("hidden", "by", "mask"),
    [
        (
            finding("HM101", line=3),
            finding("HM414", place=Place("a.py", 2, 5, "a.f")),
            "HM414 in a.f, which swallows the error",
        ),
        (finding("HM101", line=6), finding("HM414", place=Place("a.py", 2, 5, "a.f")), ""),
        (
            finding("HM106"),
            finding("HM105"),
            "HM105 in a.f, which makes Django take the view for a synchronous one",
        ),
        (
            finding("HM107", symbol="a.View.get"),
            finding("HM108", symbol="a.View"),
            "HM108 in a.View, which keeps the class from being used",
        ),
        (finding("HM107", symbol="a.Views.get"), finding("HM108", symbol="a.View"), ""),
        (finding("HM107", symbol="a.View.get", file="b.py"), finding("HM108", symbol="a.View"), ""),
    ],
)
def test_of_two_findings(hidden: Finding, by: Finding, mask: str) -> None:
    """One finding hides another where it stands around it, or is of the same symbol or class."""
    told, other = told_of_masks([hidden, by], Facts())
    assert (told.masked_by, other.masked_by) == (mask, "")
