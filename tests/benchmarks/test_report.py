import pytest

from benchmarks.contestants import Contestant
from benchmarks.loads.outcome import Outcome
from benchmarks.loads.plan import Steady
from benchmarks.report import as_json, conditions, report
from benchmarks.rounds import Entry, Settings
from benchmarks.work import CPU, RATE, Target, Work

OURS = Contestant("hybrid", ("hybrid-gateway",), ("hybrid", "serve", "--port", "{port}"))
THEIRS = Contestant("peer", ("no-such-distribution",), ("peer", "{port}"))
WORK = Work(
    "hello",
    Steady("http", "hi", 8),
    OURS,
    (THEIRS,),
    (CPU, RATE),
    (Target(CPU, 0.5, "peer"), Target(RATE, 3000)),
)


def outcome(cpu: float, answers: int = 1000, seconds: float = 0.5) -> Outcome:
    """A round in which the server used `cpu` seconds."""
    return Outcome(answers, seconds, cpu, client_cpu=seconds / 5, other_cpu=seconds / 50, errors=0)


def entries() -> list[Entry]:
    """Three rounds of hybrid beside rounds of a peer, each with its CPU seconds."""
    return [
        Entry(OURS, [outcome(cpu) for cpu in (0.01, 0.02, 0.03)]),
        Entry(THEIRS, [outcome(cpu) for cpu in (0.02, 0.05, 0.05)]),
    ]


def cells(text: str) -> list[list[str]]:
    """The cells of all tables."""
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_the_report_shows_figures_and_verdicts() -> None:
    """Medians of each figure; then each target with what was measured and whether that reaches it."""
    text = report(WORK, entries(), Settings(rounds=3, seconds=0.5))
    rows = cells(text)
    assert text.splitlines()[0] == "hello; 3 rounds of 0.5 s"
    assert rows[0][:3] == ["server", "CPU µs/request", "requests/s"]
    assert rows[1] == ["hybrid", "20.0", "2000", "4%", "20%", "2%"]
    assert rows[2] == ["peer", "50.0", "2000", "10%", "20%", "2%"]
    assert rows[4] == ["CPU µs/request / peer", "0.500 (0.400 to 0.600)", "<= 0.5", "yes"]
    assert rows[5] == ["requests/s", "2000 (2000 to 2000)", ">= 3000", "no"]


def test_tables_are_aligned() -> None:
    """Each table is as wide in every line."""
    first, second = report(WORK, entries(), Settings()).split("\n\n")[1:3]
    assert len({len(line) for line in first.splitlines()}) == 1
    assert len({len(line) for line in second.splitlines()}) == 1


def test_the_report_names_what_is_missing_and_what_failed() -> None:
    """A server without figures has a row, and the reason below; no target is reached."""
    broken = [Entry(OURS, failure="wrong answer"), Entry(THEIRS, missing=["no-such-distribution"])]
    text = report(WORK, broken, Settings())
    assert "| hybrid | FAILED " in text
    assert "hybrid failed: wrong answer\n" in text
    assert "| peer   | not installed " in text
    assert "peer needs: pip install no-such-distribution\n" in text
    assert cells(text)[4] == ["CPU µs/request / peer", "", "<= 0.5", ""]


def test_a_work_without_targets_and_peers_has_one_table() -> None:
    """There is nothing to compare."""
    work = Work("alone", Steady("http", "hi"), OURS, (), (CPU,))
    assert len(cells(report(work, entries()[:1], Settings()))) == 2


def test_the_json_holds_every_round() -> None:
    """Programs get commands, versions, all outcomes, ratios and verdicts."""
    document = as_json(WORK, entries())
    ours, theirs = document["servers"]
    assert document["work"] == "hello"
    assert document["load"]["kind"] == "Steady"
    assert document["load"]["connections"] == 8
    assert len(ours["rounds"]) == 3
    assert [each["server_cpu"] for each in theirs["rounds"]] == [0.02, 0.05, 0.05]
    assert theirs["command"] == ["python", "-m", "peer", "{port}"]
    assert theirs["versions"] == {"no-such-distribution": None}
    ratio, rate = document["comparisons"]
    assert ratio["spread"]["median"] == pytest.approx(0.5)
    assert (ratio["peer"], ratio["target"], ratio["reached"]) == ("peer", 0.5, True)
    assert (rate["peer"], rate["target"], rate["reached"]) == (None, 3000, False)


def test_the_conditions_name_python_and_every_package() -> None:
    """A reader sees what was measured with what, also what was not installed."""
    facts = conditions([WORK], Settings(server_cpus=frozenset({1, 0})))
    assert facts["warm-up"] == "0.5 s"
    assert facts["servers on"] == "CPU 0, 1, client on another"
    assert facts["no-such-distribution"] == "not installed"
    assert {"python", "system", "load before", "hybrid-gateway"} <= facts.keys()
    assert conditions([], Settings())["servers on"] == "any CPU"
