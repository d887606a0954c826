"""The prefixes of mounts."""

import pytest

from hybrid.bridge.prefixes import clean_prefix


@pytest.mark.parametrize(
    ("given", "clean"), [("/", "/"), ("/api", "/api"), ("/api/", "/api"), ("/a/b/", "/a/b"), ("/é", "/é")]
)
def test_a_prefix_has_one_form(given: str, clean: str) -> None:
    """The slash at the end means nothing, except for the root."""
    assert clean_prefix(given) == clean
