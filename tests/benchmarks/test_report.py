import pytest

from benchmarks.contestants import Contestant
from benchmarks.load import Outcome, Reading
from benchmarks.report import Ratio, as_json, compare, conditions, cpu_per_request, reached, table
from benchmarks.rounds import Entry, Settings
from benchmarks.works import WORKS, Peer, Work


def outcome(cpu: float, answers: int = 1000, seconds: float = 0.5) -> Outcome:
    """A round in which the server used `cpu` seconds."""
    return Outcome(answers, seconds, cpu, client_cpu=seconds / 5, other_cpu=seconds / 50, errors=0)


OURS = Contestant("hybrid", ("hybrid-gateway",), ("hybrid", "serve", "--port", "{port}"))
THEIRS = Contestant("peer", ("no-such-distribution",), ("peer", "{port}"))
WORK = Work("hello", "http", "hi", OURS, (Peer(THEIRS, 0.5),), connections=8)


def entries(theirs: tuple[float, ...] = (0.02, 0.05, 0.05)) -> list[Entry]:
    """Three rounds of hybrid beside rounds of a peer, each with its CPU seconds."""
    return [
        Entry(OURS, outcomes=[outcome(cpu) for cpu in (0.01, 0.02, 0.03)]),
        Entry(THEIRS, 0.5, outcomes=[outcome(cpu) for cpu in theirs]),
    ]


def shown(ours: Entry, theirs: Entry) -> tuple[float, float, float]:
    """Median, lowest and highest ratio."""
    ratio = compare(ours.outcomes, theirs.outcomes)
    assert ratio is not None
    return ratio.median, ratio.lowest, ratio.highest


def test_cpu_per_request_is_in_microseconds() -> None:
    """0.5 s of CPU for 20,000 answers are 25 µs each."""
    assert cpu_per_request(outcome(0.5, answers=20_000)) == pytest.approx(25)


def test_an_outcome_is_the_difference_of_two_readings() -> None:
    """What happened before the first reading does not count."""
    first, last = Reading(100, 5.0, 1.0, 0.25, 50.0), Reading(300, 7.0, 2.5, 0.75, 52.5)
    assert first.until(last, []) == Outcome(200, 2.0, 1.5, 0.5, 0.5, errors=0)
    assert first.until(last, ["oh", "dear"]) == Outcome(200, 2.0, 1.5, 0.5, 0.5, errors=2, first_error="oh")


def test_ratios_are_taken_round_by_round() -> None:
    """The median of the ratios counts, not the ratio of the medians: 0.5, 0.4 and 0.6 here."""
    ours, theirs = entries()
    assert shown(ours, theirs) == pytest.approx((0.5, 0.4, 0.6))


def test_rounds_without_a_partner_are_left_out() -> None:
    """A server that failed in the second round is compared by the first."""
    ours, theirs = entries(theirs=(0.02,))
    assert shown(ours, theirs) == pytest.approx((0.5, 0.5, 0.5))


def test_nothing_to_compare_gives_no_ratio() -> None:
    """No round, or a peer whose CPU time was below one tick, gives no ratio and no verdict."""
    ours, idle = entries(theirs=(0.0, 0.0, 0.0))
    assert compare(ours.outcomes, []) is None
    assert compare(ours.outcomes, idle.outcomes) is None
    assert reached(None, 0.5) is None


@pytest.mark.parametrize(("target", "verdict"), [(0.5, True), (0.49, False), (None, None)])
def test_a_target_is_reached_by_the_median(target: float | None, verdict: bool | None) -> None:
    """A ratio that equals the target is good enough."""
    assert reached(Ratio(0.5, 0.1, 0.9), target) is verdict


def test_the_table_shows_figures_and_verdicts() -> None:
    """Medians of each column, the ratio with its extremes, and whether the target is reached."""
    lines = table(WORK, entries()).splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")]
    assert lines[0] == "hello (8 connections)"
    assert cells[1] == ["hybrid", "20.0", "2000", "4%", "20%", "2%", "", "", ""]
    assert cells[2] == ["peer", "50.0", "2000", "10%", "20%", "2%", "0.500 (0.400 to 0.600)", "<= 0.5", "yes"]
    assert len({len(line) for line in lines if line.startswith("|")}) == 1


def test_the_table_names_what_is_missing_and_what_failed() -> None:
    """A server without figures has a row, and the reason below."""
    text = table(WORK, [Entry(OURS, failure="wrong answer"), Entry(THEIRS, missing=["no-such-distribution"])])
    assert "| hybrid | FAILED " in text
    assert "hybrid failed: wrong answer\n" in text
    assert "| peer   | not installed " in text
    assert "peer needs: pip install no-such-distribution\n" in text


def test_the_json_holds_every_round() -> None:
    """Programs get commands, versions, all outcomes, the ratio and the verdict."""
    document = as_json(WORK, entries())
    ours, theirs = document["servers"]
    assert document["work"] == "hello"
    assert ours["ratio"] is None
    assert [each["server_cpu"] for each in theirs["rounds"]] == [0.02, 0.05, 0.05]
    assert theirs["command"] == ["python", "-m", "peer", "{port}"]
    assert theirs["versions"] == {"no-such-distribution": None}
    assert theirs["ratio"]["median"] == pytest.approx(0.5)
    assert theirs["reached"] is True


def test_the_conditions_name_python_and_every_package() -> None:
    """A reader sees what was measured with what, also what was not installed."""
    facts = conditions([WORK], Settings(rounds=3, seconds=1, server_cpus=frozenset({1, 0})))
    assert facts["rounds"] == "3 of 1 s, after 0.5 s of warm-up"
    assert facts["servers on"] == "CPU 0, 1, client on another"
    assert facts["no-such-distribution"] == "not installed"
    assert {"python", "system", "load before", "hybrid-gateway"} <= facts.keys()
    assert conditions([], Settings())["servers on"] == "any CPU"


def test_the_targets_of_the_project() -> None:
    """What the project promises: 0.65, 0.15 and 0.8 of uvicorn's CPU per request."""
    targets = {name: work.peers[0].target for name, work in WORKS.items()}
    assert targets == {"asgi": 0.65, "wsgi": 0.15, "websocket": 0.8, "flask": None}
