"""Asynchronous twins are written where the project's version of Django has them."""

from pathlib import Path

import pytest

from hybrid.adapters.django.migrate.fixes.draft import Project
from hybrid.adapters.django.migrate.fixes.runner import Fixes, fix
from hybrid.adapters.django.migrate.project.facts import Facts, MiddlewareFact
from tests.support.fixing import found_in, sources_of

HEAD = "from django.contrib.auth.models import User\n\n\nasync def view(request):\n"
#: What goes to the database, what comes of it, and the first version that has that.
TWINS = {
    "count": ("User.objects.count()", "await User.objects.acount()", "4.1"),
    "user": ("request.user", "await request.auser()", "5.0"),
    "session": ('request.session.get("a")', 'await request.session.aget("a")', "5.1"),
}


def fixed_with(tmp_path: Path, code: str, facts: Facts) -> Fixes:
    """Return what is made of one expression in a view of a project."""
    sources = sources_of(tmp_path, f"{HEAD}    return {code}\n".encode())
    return fix(found_in(sources, "HM107"), Project(sources, facts), suggest=True)


@pytest.mark.parametrize("name", ["count", "user", "session"])
def test_a_version_that_has_it(tmp_path: Path, name: str) -> None:
    """It is written, and nothing is said of versions."""
    code, twin, since = TWINS[name]
    fixes = fixed_with(tmp_path, code, Facts(versions={"django": f"{since}.3"}))
    assert fixes.changes[0].after.decode().endswith(f"    return {twin}\n")
    assert all("needs Django" not in each.remark for each in fixes.fixed)


@pytest.mark.parametrize(("name", "version"), [("count", "4.0.1"), ("user", "4.2"), ("session", "5.0b1")])
def test_a_version_that_lacks_it(tmp_path: Path, name: str, version: str) -> None:
    """It is left alone, and both versions are told."""
    code, _, since = TWINS[name]
    fixes = fixed_with(tmp_path, code, Facts(versions={"django": version}))
    assert [
        each.reason.endswith(f"needs Django {since}, and the project has {version}") for each in fixes.left
    ] == [True]


def test_a_version_that_is_not_known(tmp_path: Path) -> None:
    """What is newer than what is taken for granted is written, and told."""
    (done,) = fixed_with(tmp_path, TWINS["session"][0], Facts()).fixed
    assert done.remark == "session.aget() needs Django 5.1"
    (done,) = fixed_with(tmp_path, TWINS["count"][0], Facts()).fixed
    assert done.remark == ""


@pytest.mark.parametrize(
    ("middleware", "count"),
    [("django.contrib.auth.middleware.AuthenticationMiddleware", 0), ("shop.middleware.Users", 1)],
)
def test_users_that_are_not_of_the_session(tmp_path: Path, middleware: str, count: int) -> None:
    """``auser()`` comes from AuthenticationMiddleware: without that ``request.user`` is left alone."""
    facts = Facts(versions={"django": "5.2"}, middleware=(MiddlewareFact(middleware),))
    fixes = fixed_with(tmp_path, "request.user", facts)
    assert len(fixes.left) == count
    assert all("AuthenticationMiddleware" in each.reason for each in fixes.left)
