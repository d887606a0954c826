import pytest

from benchmarks.comparison import Comparison, Spread, comparisons, ratio
from benchmarks.contestants import Contestant
from benchmarks.loads.outcome import Outcome
from benchmarks.loads.plan import Steady
from benchmarks.rounds import Entry
from benchmarks.work import BEST, CPU, RATE, Figure, Target, Work

OURS, FIRST, SECOND = (Contestant(name, (), ()) for name in ("hybrid", "first", "second"))


def rounds(*cpu: float, answers: int = 1000) -> list[Outcome]:
    """A round for each of these CPU seconds."""
    return [Outcome(answers, 0.5, each, 0, 0, errors=0) for each in cpu]


def compare(ours: list[Outcome], theirs: list[Outcome]) -> tuple[float, float, float] | None:
    """Median, lowest and highest ratio of CPU per request."""
    spread = ratio(CPU.read, ours, theirs)
    return (spread.median, spread.lowest, spread.highest) if spread else None


def test_ratios_are_taken_round_by_round() -> None:
    """The median of the ratios counts, not the ratio of the medians: 0.5, 0.4 and 0.6 here."""
    found = compare(rounds(0.01, 0.02, 0.03), rounds(0.02, 0.05, 0.05))
    assert found == pytest.approx((0.5, 0.4, 0.6))


def test_rounds_without_a_partner_are_left_out() -> None:
    """A server that failed in the second round is compared by the first."""
    assert compare(rounds(0.01, 0.02), rounds(0.02)) == pytest.approx((0.5, 0.5, 0.5))


def test_nothing_to_compare_gives_no_ratio() -> None:
    """No round, or a peer whose CPU time was below one tick, gives no ratio and no verdict."""
    assert compare(rounds(0.01), []) is None
    assert compare(rounds(0.01), rounds(0.0)) is None
    assert Comparison(CPU, "peer", None, 0.5).reached is None


@pytest.mark.parametrize(("limit", "verdict"), [(0.5, True), (0.49, False), (None, None)])
def test_a_cost_is_to_be_at_most_the_limit(limit: float | None, verdict: bool | None) -> None:
    """The median counts, and one that equals the limit is good enough."""
    assert Comparison(CPU, "peer", Spread(0.5, 0.1, 0.9), limit).reached is verdict


@pytest.mark.parametrize(("limit", "verdict"), [(0.5, True), (0.51, False), (None, None)])
def test_a_rate_is_to_be_at_least_the_limit(limit: float | None, verdict: bool | None) -> None:
    """What is better when it is higher has its limit below."""
    assert Comparison(RATE, "peer", Spread(0.5, 0.1, 0.9), limit).reached is verdict


def test_targets_come_first_then_the_other_peers() -> None:
    """A target may be about hybrid alone or about a peer; a peer without one is compared for information."""
    targets = (Target(RATE, 1000), Target(CPU, 1.0, "first"))
    work = Work("hello", Steady("http", "hi"), OURS, (FIRST, SECOND), (CPU, RATE), targets)
    entries = [Entry(OURS, rounds(0.01)), Entry(FIRST, rounds(0.02)), Entry(SECOND, rounds(0.04))]
    alone, first, second = comparisons(work, entries)
    assert alone == Comparison(RATE, "", Spread(2000, 2000, 2000), 1000)
    assert first == Comparison(CPU, "first", Spread(0.5, 0.5, 0.5), 1.0)
    assert second == Comparison(CPU, "second", Spread(0.25, 0.25, 0.25), None)


def best(figure: Figure, *peers: Entry) -> Spread | None:
    """Compare with the best of these peers, and see that each is compared for information, too."""
    names = [peer.contestant for peer in peers]
    work = Work("hello", Steady("http", "hi"), OURS, tuple(names), (figure,), (Target(figure, 0.7, BEST),))
    aimed_at, *others = comparisons(work, [Entry(OURS, rounds(0.01, 0.01)), *peers])
    assert (aimed_at.peer, aimed_at.limit) == (BEST, 0.7)
    assert [each.peer for each in others] == [peer.name for peer in names]
    return aimed_at.spread


def test_the_best_peer_is_chosen_in_each_round() -> None:
    """For a cost it is the one with the lowest figure, for a rate the one with the highest."""
    first, second = Entry(FIRST, rounds(0.02, 0.05)), Entry(SECOND, rounds(0.04, 0.02))
    assert best(CPU, first, second) == Spread(0.5, 0.5, 0.5)
    slow, fast = Entry(FIRST, rounds(1, 1, answers=500)), Entry(SECOND, rounds(1, 1, answers=2000))
    assert best(RATE, slow, fast) == Spread(0.5, 0.5, 0.5)


def test_a_peer_that_has_failed_is_not_the_best() -> None:
    """The others are compared in the rounds that it has not, and another hybrid is no peer."""
    ours = Entry(Contestant("hybrid (baseline)", ("hybrid-gateway",), ()), rounds(0.001, 0.001))
    failed, missing = Entry(FIRST, rounds(0.02), failure="gone"), Entry(Contestant("third", (), ()))
    assert best(CPU, ours, failed, missing, Entry(SECOND, rounds(0.04, 0.04))) == Spread(0.375, 0.25, 0.5)
    assert best(CPU, ours, missing) is None
