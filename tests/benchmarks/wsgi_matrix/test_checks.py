import ast
from itertools import groupby

import pytest

from benchmarks.wsgi_matrix.apps import APPLICATIONS
from benchmarks.wsgi_matrix.check import Answer, Check
from benchmarks.wsgi_matrix.checks import CHECKS
from benchmarks.wsgi_matrix.remarks import REMARKS
from benchmarks.wsgi_matrix.runner import run
from benchmarks.wsgi_matrix.servers import CONTESTANTS
from tests.support.process import ROOT

BY_NAME = {contestant.name: contestant for contestant in CONTESTANTS}


def nodes(file: str) -> set[str]:
    """The tests of a file, `CLASS::FUNCTION` or `FUNCTION`."""
    found: set[str] = set()
    for item in ast.parse((ROOT / file).read_text(encoding="utf-8")).body:
        if isinstance(item, ast.FunctionDef):
            found.add(item.name)
        elif isinstance(item, ast.ClassDef):
            found |= {f"{item.name}::{each.name}" for each in item.body if isinstance(each, ast.FunctionDef)}
    return found


def test_each_rule_has_a_test_of_ours() -> None:
    """The test that a rule names exists."""
    missing = []
    for file, checks in groupby(
        sorted(CHECKS, key=lambda check: check.node), lambda check: check.node.split("::")[0]
    ):
        existing = nodes(file)
        missing += [check.node for check in checks if check.node.partition("::")[2] not in existing]
    assert missing == []


def test_names_and_rules_are_unique() -> None:
    """A check can be asked for by its name, and a rule is found by its words."""
    assert len({check.name for check in CHECKS}) == len({check.rule for check in CHECKS}) == len(CHECKS)


def test_sections_are_in_one_piece() -> None:
    """Each section of the PEP has its heading once."""
    sections = [section for section, _ in groupby(CHECKS, lambda check: check.section)]
    assert len(sections) == len(set(sections))


def test_each_application_is_asked() -> None:
    """Every check has an application, and every application is there for a check."""
    asked = {check.app for check in CHECKS}
    assert asked | {"alive"} == set(APPLICATIONS)


@pytest.mark.parametrize("name", ["hybrid", "uvicorn + hybrid"])
def test_hybrid(name: str) -> None:
    """On both paths the answer is yes to everything, but for what has a remark that says why."""
    explained = {check for remark in REMARKS for who, check in remark.places if who == name}
    verdicts = run(BY_NAME[name], CHECKS)
    assert [
        check for check in verdicts if verdicts[check].answer is not Answer.YES and check not in explained
    ] == []
    assert not explained or name != "hybrid"


def some(*names: str) -> list[Check]:
    """These checks."""
    return [check for check in CHECKS if check.name in names]


def test_a_server_that_breaks_rules() -> None:
    """The same checks find what is wrong with another bridge: they are able to say no."""
    verdicts = run(
        BY_NAME["uvicorn + asgiref"], some("cookie", "write", "hop-by-hop", "one-part", "path-info")
    )
    answers = {name: verdict.answer.value for name, verdict in verdicts.items()}
    assert answers == {
        "path-info": "yes",
        "cookie": "no",
        "hop-by-hop": "no",
        "one-part": "partly",
        "write": "no",
    }
    assert verdicts["cookie"].reason == "HTTP_COOKIE is `'a=1,b=2'`"
