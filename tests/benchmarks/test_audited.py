"""What is recorded of audits of real projects."""

from benchmarks.audited.__main__ import compared
from benchmarks.audited.projects import projects
from benchmarks.audited.verdicts import Key, Verdict, verdicts

KEY = Key("shop", "HM101", "shop/views.py", "shop.views.cart")


def test_what_is_recorded() -> None:
    """Every error was judged, with a reason; what is wrong was mended; packages have their versions."""
    for project in projects():
        assert project.packages[0].count("==") == 1
        for key, verdict in verdicts(project.name).items():
            assert verdict.why.endswith("."), key
            assert verdict.right is not verdict.mended, key


def test_what_is_told_of_a_new_audit() -> None:
    """What nobody has judged, what is lost, and what is wrong again."""
    right, wrong = Verdict(right=True, why="So."), Verdict(right=False, why="No.", mended=True)
    assert list(compared({KEY}, {})) == [f"unchecked: {KEY}"]
    assert list(compared({KEY}, {KEY: right})) == []
    assert list(compared(set(), {KEY: right})) == [f"not found any more: {KEY}"]
    assert list(compared(set(), {KEY: wrong})) == []
    assert list(compared({KEY}, {KEY: wrong})) == [f"found again, and wrong: {KEY}"]
