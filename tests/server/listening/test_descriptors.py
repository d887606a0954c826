"""How many file descriptors there are."""

import os
import resource
import sys
from collections.abc import Iterator

import pytest

from hybrid.server.listening.descriptors import descriptor_mark, has_free_descriptor


@pytest.fixture
def limit() -> Iterator[int]:
    """Give the highest limit that this process may set, and put the present one back afterwards."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize(("soft", "mark"), [(256, 192), (1000, 750)])
def test_reserve(limit: int, soft: int, mark: int) -> None:
    """A quarter of the descriptors is kept for other things than connections."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, limit))
    assert descriptor_mark() == mark


@pytest.mark.parametrize(
    ("soft", "mark"), [(65536, 65536 - 1024), (resource.RLIM_INFINITY, sys.maxsize)], ids=["many", "no limit"]
)
def test_many_descriptors(monkeypatch: pytest.MonkeyPatch, soft: int, mark: int) -> None:
    """Of many of them 1024 are enough; without a limit there is nothing to keep."""
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, soft))
    assert descriptor_mark() == mark


def test_system_without_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system has no such limit nothing is kept."""
    monkeypatch.setitem(sys.modules, "resource", None)
    assert descriptor_mark() == sys.maxsize


def test_free_descriptor(limit: int) -> None:
    """A descriptor is free when the lowest one that the system would give is below the mark."""
    lowest = os.open(os.devnull, os.O_RDONLY)
    os.close(lowest)
    assert has_free_descriptor(lowest + 1)
    assert not has_free_descriptor(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, limit))
    assert not has_free_descriptor(sys.maxsize)
