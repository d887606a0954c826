import pytest

from benchmarks.loads.h2load import Report
from benchmarks.loads.plan import Multiplexed

REPORT = """finished in 1.00s, 2247.00 req/s, 100.09KB/s
requests: 2247 total, 2347 started, 2247 done, 2247 succeeded, 0 failed, 0 errored, 0 timeout
status codes: 2253 2xx, 0 3xx, 0 4xx, 0 5xx
traffic: 100.09KB (102489) total, 11.67KB (11955) headers (space savings 94.64%), 28.53KB (29211) data
"""
HELLO = Multiplexed(13)


def test_the_answers_are_counted() -> None:
    """What h2load has counted is read: answers, errors, bytes of bodies; nothing, where it has no report."""
    assert Report.read(REPORT) == Report(2247, 0, 29211)
    assert Report.read("no server") == Report(0, 0, 0)


def test_all_kinds_of_errors_are_counted() -> None:
    """Failed requests and statuses other than 2xx are errors."""
    trouble = REPORT.replace("0 failed, 0 errored, 0 timeout", "1 failed, 20 errored, 300 timeout")
    trouble = trouble.replace("0 3xx, 0 4xx, 0 5xx", "4000 3xx, 50000 4xx, 600000 5xx")
    report = Report.read(trouble)
    assert report.errors == 654321
    assert report.complaints(HELLO) == ["h2load counted 654321 errors"]


@pytest.mark.parametrize(
    ("size", "right"), [(29211, True), (29211 + 1300, True), (29210, False), (30512, False)]
)
def test_bodies_have_their_size(size: int, right: bool) -> None:
    """Each answer has brought 13 bytes; of the hundred under way when the time was up, some may have come."""
    complaints = Report(2247, 0, size).complaints(HELLO)
    assert complaints == ([] if right else [f"h2load counted {size} bytes in 2247 answers of 13"])


def test_a_number_of_requests_leaves_none_under_way() -> None:
    """Then the bytes are those of all answers, neither more nor less."""
    load = Multiplexed(1000, requests=3)
    assert Report(3, 0, 3000).complaints(load) == []
    assert Report(3, 0, 3001).complaints(load)
