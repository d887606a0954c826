from benchmarks.loads.wrk import count_answers, count_errors

REPORT = """Running 1s test @ http://127.0.0.1:8000/
  1 threads and 64 connections
  30541 requests in 1.10s, 4.28MB read
"""
TROUBLE = """  Socket errors: connect 1, read 20, write 300, timeout 4000
  Non-2xx or 3xx responses: 50000
Requests/sec:  27764.55
"""


def test_the_answers_are_counted() -> None:
    """The number of requests that wrk completed, or none."""
    assert count_answers(REPORT) == 30541
    assert count_answers("unable to connect") == 0


def test_all_kinds_of_errors_are_counted() -> None:
    """Socket errors and bad statuses count alike."""
    assert count_errors(REPORT) == 0
    assert count_errors(REPORT + TROUBLE) == 54321
