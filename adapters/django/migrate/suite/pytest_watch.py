"""A plugin of pytest: hears what comes of tests, in the process that runs them, as pytest-xdist's do."""

from collections.abc import Generator
from typing import Any

import pytest

from hybrid.adapters.django.migrate.suite import recorder


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """A test begins; with a plugin that runs failed ones again, perhaps not for the first time."""
    if (here := recorder.of_process()) is not None:
        here.begin(item.nodeid)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: "pytest.CallInfo[None]") -> Generator[None, Any, None]:
    """One of its three phases is over, or a subtest."""
    outcome = yield
    here = recorder.of_process()
    said = _outcome(outcome.get_result())
    if here is not None and said is not None:
        here.outcome(
            item.nodeid, said, call.excinfo.value if said in ("failed", "error") and call.excinfo else None
        )


def pytest_runtest_logfinish(nodeid: str) -> None:
    """It is over."""
    if (here := recorder.of_process()) is not None:
        here.end()


def _outcome(report: Any) -> str | None:
    """Return what a phase says of the test; None for one that went well and is not the test itself."""
    expected = hasattr(report, "wasxfail")
    if report.failed:
        return "failed" if report.when == "call" else "error"
    if report.skipped:
        return "xfailed" if expected else "skipped"
    if report.when != "call":
        return None
    return "xpassed" if expected else "passed"
