"""What figures have come to since a moment."""

from hybrid.adapters.django.lanes.figures import Counts, Figures
from hybrid.adapters.django.lanes.windows import Found, Windows, from_json, to_json, total


def requests(found: Found) -> dict[tuple[str, str], int]:
    """Return how many requests there were, by view and lane."""
    return {(view, lane): each.requests for view, lanes in found.items() for lane, each in lanes.items()}


def note(figures: Figures, count: int, view: str = "v", lane: str = "wsgi") -> None:
    """Count requests."""
    for _ in range(count):
        figures.note(view, lane, 0.01, False)


def test_a_window_has_what_came_after_its_beginning() -> None:
    """As exactly as there are moments that were marked; what was before never counts."""
    figures = Figures()
    note(figures, 1)
    windows = Windows(figures, 100.0)
    note(figures, 10)
    windows.mark(110.0, 60.0)
    note(figures, 100)
    windows.mark(120.0, 60.0)
    note(figures, 1000)
    assert [requests(windows.since(moment)).get(("v", "wsgi")) for moment in (90, 100, 101, 120, 121)] == [
        1110,
        1110,
        1100,
        1000,
        None,
    ]


def test_views_may_have_later_beginnings() -> None:
    """Those that have been moved meanwhile."""
    figures = Figures()
    windows = Windows(figures, 100.0)
    note(figures, 1, "a")
    note(figures, 1, "b")
    windows.mark(110.0, 60.0)
    note(figures, 10, "a", "asgi")
    note(figures, 10, "b", "asgi")
    assert requests(windows.since(100.0, {"b": 105.0})) == {
        ("a", "wsgi"): 1,
        ("a", "asgi"): 10,
        ("b", "asgi"): 10,
    }


def test_moments_that_nobody_asks_for_are_forgotten() -> None:
    """Those before the longest window, and the oldest of very many."""
    figures = Figures()
    windows = Windows(figures, 0.0)
    for moment in range(1, 100):
        note(figures, 1)
        windows.mark(float(moment), 10.0)
    assert repr(windows) == "<Windows of 11 moments>"
    assert requests(windows.since(0.0)) == {("v", "wsgi"): 10}
    for moment in range(100, 1000):
        windows.mark(float(moment), 1e6)
    assert repr(windows) == "<Windows of 64 moments>"


def test_a_stall_counts_before_its_request() -> None:
    """A view that has not answered yet may have held the loop."""
    figures = Figures()
    windows = Windows(figures, 0.0)
    figures.stall("v", "asgi", 0.5)
    assert windows.since(0.0) == {"v": {"asgi": Counts(stalls=1)}}


def test_processes_are_added_up() -> None:
    """Through JSON, as they tell each other."""
    figures = Figures()
    windows = Windows(figures, 0.0)
    note(figures, 2)
    note(figures, 3, lane="asgi")
    one = windows.since(0.0)
    assert from_json(to_json(one)) == one
    assert requests(total([one, one, {"w": one["v"]}])) == {
        ("v", "wsgi"): 4,
        ("v", "asgi"): 6,
        ("w", "wsgi"): 2,
        ("w", "asgi"): 3,
    }
