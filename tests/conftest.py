"""Fixtures that every room's tests share."""

import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from hybrid.bridge.testing import ApplicationCommunicator
from tests.support.control import short_folder
from tests.support.patience import be_patient
from tests.support.process import Serve, ServerProcess, start_server
from tests.support.ticks import Ticks

# A busy machine is no failure: hypothesis looks at what is computed, not at how long it takes. In CI it looks
# at the same examples each time; elsewhere at others, so that who can mend it finds what they find.
settings.register_profile(
    "no clock",
    parent=settings(),
    deadline=None,
    derandomize="CI" in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("no clock")

be_patient(ApplicationCommunicator)

# A shell that runs something in the background has it ignore SIGINT, and so would all that tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _nothing_is_left() -> Iterator[None]:
    """Leave nothing of a test to the next one in what the process has once: its logger, its default layer."""
    logger = logging.getLogger("hybrid")
    level, handlers, propagate = logger.level, logger.handlers[:], logger.propagate
    yield
    logger.setLevel(level)
    logger.handlers[:], logger.propagate = handlers, propagate
    registry = sys.modules.get("hybrid.bridge.layers.registry")
    if registry is not None:
        registry.channel_layers._set.pop("default", None)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Give `serve(*targets, **options)`, which starts real servers; they must end with the test."""
    with ExitStack() as servers:

        def start(*targets: str, **options: Any) -> ServerProcess:
            options.setdefault("cwd", tmp_path)
            return servers.enter_context(start_server(*targets, **options))

        yield start


@pytest.fixture
def control_folder() -> Iterator[Path]:
    """Give a folder for control directories, in which servers must leave nothing."""
    with short_folder(is_emptied=True) as folder:
        yield folder


@pytest.fixture
def ticks(monkeypatch: pytest.MonkeyPatch) -> Ticks:
    """Let servers of this process look at their deadlines often."""
    return Ticks(monkeypatch)
