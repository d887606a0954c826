"""The garbage collector while much is imported."""

import gc

import pytest

from hybrid.bridge.imports import without_collection


def test_it_rests_for_as_long_as_the_block_runs() -> None:
    """Whatever comes of it, the collector runs again afterwards."""
    enabled = []

    def fail() -> None:
        with without_collection():
            enabled.append(gc.isenabled())
            raise ImportError

    with pytest.raises(ImportError):
        fail()
    assert (enabled, gc.isenabled()) == ([False], True)


def test_one_that_somebody_has_stopped_stays_stopped() -> None:
    """A program that has its own idea of the collector keeps it."""
    gc.disable()
    try:
        with without_collection():
            assert not gc.isenabled()
        assert not gc.isenabled()
    finally:
        gc.enable()
