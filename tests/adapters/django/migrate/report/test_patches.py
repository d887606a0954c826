"""Unified diffs, taken apart."""

import difflib

from hypothesis import given
from hypothesis import strategies as st

from hybrid.adapters.django.migrate.report.patches import Replacement, replacements

# Lines that look like parts of a diff are among them.
LINES = st.lists(
    st.sampled_from(["a\n", "b\n", "\n", "-- c\n", "++ d\n", "@@ -1 +1 @@\n", "\\ e\n"]), max_size=12
)


@given(LINES, LINES, st.integers(min_value=0, max_value=3))
def test_what_comes_of_it_is_the_new_file(old: list[str], new: list[str], context: int) -> None:
    """Whatever the files, doing what is said to the old one makes the new one."""
    patch = "".join(difflib.unified_diff(old, new, "a/x.py", "b/x.py", n=context))
    text = [*old]
    for each in reversed(replacements(patch)):
        assert each.file == "x.py"
        text[each.line - 1 : each.line - 1 + each.count] = [each.text]
    assert "".join(text) == "".join(new)


def test_several_files() -> None:
    """Each change has its file: without what git puts before it, and the time behind it; new files too."""
    patch = (
        "diff --git a/x.py b/x.py\n--- a/x.py\n+++ b/x.py\n@@ -1 +1 @@\n-a\n+b\n"
        "--- y.py\t2026-01-01\n+++ y.py\t2026-01-02\n@@ -3,0 +4 @@\n+z\n\\ No newline at end of file\n"
        "--- /dev/null\n+++ b/new.py\n@@ -0,0 +1,2 @@\n+1\n+2\n"
        "--- a/gone.py\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-1\n-2\n"
    )
    assert replacements(patch) == [
        Replacement("x.py", 1, 1, "b\n"),
        Replacement("y.py", 4, 0, "z"),
        Replacement("new.py", 1, 0, "1\n2\n"),
        Replacement("gone.py", 1, 2, ""),
    ]


def test_what_is_no_patch() -> None:
    """Nothing comes of it."""
    assert replacements("") == []
    assert replacements("write request.META\n- not so\n+ but so\n") == []
