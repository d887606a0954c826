"""What comes of changes of lanes: which rules are in force, and what cannot be changed."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.adapters.django.lanes.change import Change, Effect
from hybrid.adapters.django.lanes.changes import rolling_back, setting, share, stepping_back
from hybrid.adapters.django.lanes.rules import Rule, parse_rules
from hybrid.adapters.django.lanes.state import Project, State, Wish
from hybrid.adapters.django.lanes.trials import trials_of
from hybrid.adapters.django.lanes.views import View
from hybrid.bridge.control import ControlError
from tests.support.lanes import async_view, project


def wish(view: str = "", reason: str = "") -> Wish:
    """Want something."""
    return Wish(view, "ada", reason, 1000.0)


class History:
    """Changes of a project, one after the other."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.changes: list[Change] = []

    def add(self, decide: Callable[[Sequence[Change]], Change | None]) -> Change:
        """Make a change."""
        change = decide(self.changes)
        assert change is not None
        self.changes.append(change)
        return change

    def put(self, view: str, lane: str, percent: float = 100.0, reason: str = "") -> Change:
        """Put a view on a lane."""
        return self.add(setting(self.project, wish(view, reason), Rule(view, lane, percent)))

    def back(self, view: str | None = None, reason: str = "") -> Change:
        """Take the last change back."""
        return self.add(rolling_back(self.project, wish(reason=reason), view))

    @property
    def state(self) -> State:
        """What has come of it."""
        return State(self.project, self.changes)

    @property
    def rules(self) -> list[tuple[str, str, float]]:
        """The rules in force."""
        return [(rule.name, rule.lane, rule.percent) for rule in self.state.rules]


def test_a_change_replaces_the_rule_of_the_configuration() -> None:
    """And is taken back to it, however that may have been changed until then."""
    history = History(project(shop__cart="asgi"))
    assert history.state.effect("shop:cart") == Effect("asgi", None, "configured")
    change = history.put("shop:cart", "wsgi", reason="too slow")
    assert (change.number, change.view, change.by, change.reason) == (1, "shop:cart", "ada", "too slow")
    assert (change.before, change.after) == (
        Effect("asgi", None, "configured"),
        Effect("wsgi", None, "change 1"),
    )
    assert history.rules == [("shop:cart", "wsgi", 100.0)]
    assert history.back().rule == "file"
    assert State(project(shop__cart={"lane": "asgi", "percent": 7}), history.changes).effect(
        "shop:cart"
    ) == Effect("asgi", 7.0, "configured")


def test_taking_back_can_be_taken_back() -> None:
    """Each is a change of its own, which says what it takes back."""
    history = History(project())
    history.put("shop:cart", "asgi", 5.0)
    history.put("shop:cart", "asgi", 50.0)
    back = history.back("shop:cart")
    assert (back.undoes, back.reason, back.after) == (
        2,
        "takes back change 2",
        Effect("asgi", 5.0, "change 3"),
    )
    again = history.back("shop:cart", "it was not the cart")
    assert (again.undoes, again.reason) == (3, "takes back change 3: it was not the cart")
    assert history.rules == [("shop:cart", "asgi", 50.0)]


def test_what_is_not_named_is_the_last_change_at_all() -> None:
    """Whatever it was for."""
    history = History(project())
    history.put("shop:cart", "asgi")
    history.put("shop:live", "wsgi")
    assert history.back().view == "shop:live"
    assert history.back("shop:cart").view == "shop:cart"
    assert history.rules == []


@pytest.mark.parametrize(
    ("view", "said"),
    [(None, "nothing has been changed since"), ("shop:cart", "shop:cart has not been changed since")],
)
def test_what_has_not_been_changed_cannot_be_taken_back(view: str | None, said: str) -> None:
    """What the configuration says is no change."""
    with pytest.raises(ControlError, match=f"^{said} the server was started$"):
        History(project(shop__cart="asgi")).back(view)


def test_patterns_that_are_new_go_first() -> None:
    """The one changed last before the others; those of the configuration stay in their places."""
    history = History(project(**{"/a/*": "asgi", "/b/*": "asgi"}))
    history.put("/new/*", "asgi")
    history.put("/b/*", "wsgi")
    history.put("/newer/*", "asgi")
    names = ["/newer/*", "/new/*", "/a/*", "/b/*"]
    assert [rule.name for rule in history.state.rules] == names
    history.put("/new/*", "wsgi")
    assert next(iter(history.state.rules)) == Rule("/new/*", "wsgi")


def test_a_step_back_is_without_the_rule() -> None:
    """That of the configuration does not count any more either, unless it is taken back."""
    history = History(project(shop__cart="asgi", **{"/a/*": "asgi"}))
    for view, number in (("shop:cart", 0), ("/a/*", 0)):
        history.add(stepping_back(history.project, wish(view), number))
    assert history.rules == []
    assert history.changes[0].after == Effect("wsgi", None, "sync-view")
    assert history.changes[1].after == Effect(None, None, "")
    history.back("shop:cart")
    assert history.rules == [("shop:cart", "asgi", 100.0)]
    history.put("/b/*", "asgi")
    assert history.add(stepping_back(history.project, wish("/b/*"), 4)).rule == "file"


def test_a_step_back_from_a_change_is_to_the_configuration() -> None:
    """Where that says something of all clients; a share there is a trial too."""
    some = {"lane": "asgi", "percent": 3}
    history = History(project(shop__live="wsgi", shop__cart=some))
    history.put("shop:live", "asgi")
    history.put("shop:cart", "asgi")
    for number, view in enumerate(("shop:live", "shop:cart"), 1):
        history.add(stepping_back(history.project, wish(view), number))
    assert history.rules == [("shop:live", "wsgi", 100.0)]


def test_a_step_back_is_not_made_twice() -> None:
    """Nor where somebody has said something else meanwhile."""
    history = History(project())
    history.put("shop:cart", "asgi")
    step = stepping_back(history.project, wish("shop:cart"), 1)
    history.add(step)
    assert step(history.changes) is None
    assert stepping_back(history.project, wish("shop:cart"), 0)(history.changes) is None


def test_what_is_so_already_is_no_change() -> None:
    """Whether the configuration says it or a change."""
    history = History(project(shop__live={"lane": "wsgi", "percent": 5}))
    history.put("shop:cart", "asgi")
    for view, lane, percent, said in (
        ("shop:cart", "asgi", 100.0, r"asgi already \(change 1\)"),
        ("shop:live", "wsgi", 5.0, r"wsgi for 5% already \(configured\)"),
    ):
        with pytest.raises(ControlError, match=f"^{view}: {said}$"):
            history.put(view, lane, percent)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("shop:crat", "did you mean shop:cart"),
        ("cart", "did you mean shop:cart or shop.views.cart"),
        ("legacy", "did you mean shop.views.legacy"),
        ("billing:invoices.pdf", "paths begin with a slash"),
    ],
)
def test_unknown_views_are_refused_with_near_matches(name: str, said: str) -> None:
    """By letters, and by the last part of the name."""
    with pytest.raises(ControlError, match=f"^{name}: there is no view of this name: {said}"):
        project().require(name)


@pytest.mark.parametrize("name", ["shop:cart", "shop.views.cart", "shop.views.legacy", "/any/path*"])
def test_views_are_known_by_name_and_by_dotted_path(name: str) -> None:
    """Paths need not be known."""
    assert project().require(name) == name


def test_a_rule_that_would_decide_nothing_is_refused() -> None:
    """One for a dotted path, of which each view has one for its name; where one has none, it decides that."""
    history = History(project(shop__one="wsgi", shop__two="asgi"))
    with pytest.raises(ControlError, match=r"^shop\.views\.shared: .* goes before .*: shop:one, shop:two$"):
        history.put("shop.views.shared", "asgi")
    history = History(project(shop__one="wsgi"))
    history.put("shop.views.shared", "asgi")
    assert history.state.effect("shop:two") == Effect("asgi", None, "change 1")
    assert history.state.effect("shop:one") == Effect("wsgi", None, "configured")


def test_there_are_only_so_many_new_rules() -> None:
    """Paths are anybody's to think of; those of the configuration do not count."""
    history = History(project(**{"/known": "asgi"}))
    for number in range(200):
        history.put(f"/{number}", "asgi")
    with pytest.raises(ControlError, match=r"200 names have new rules"):
        history.put("/one-more", "asgi")
    history.put("/known", "wsgi")
    history.back("/0")
    history.put("/one-more", "asgi")


@pytest.mark.parametrize(
    ("view", "percent", "lane", "rule"),
    [
        ("shop:cart", 5.0, None, ("asgi", 5.0)),
        ("shop:cart", 5.0, "asgi", ("asgi", 5.0)),
        ("shop:cart", 95.0, "wsgi", ("asgi", 5.0, "wsgi")),
        ("shop:cart", 100.0, "wsgi", ("wsgi",)),
        ("shop:cart", 100.0, None, ("asgi",)),
        ("shop:live", 5.0, None, ("wsgi", 5.0)),
        ("shop:two", 5.0, None, ("wsgi", 5.0, "asgi")),
        ("shop:two", 95.0, "asgi", ("wsgi", 5.0, "asgi")),
        ("shop:one", 7.0, None, ("asgi", 7.0)),
        ("/paths/*", 5.0, "asgi", ("asgi", 5.0)),
        ("/known/*", 5.0, None, ("asgi", 5.0, "wsgi")),
        ("/some/*", 7.0, None, ("asgi", 7.0)),
    ],
)
def test_a_share_is_of_the_clients_on_a_lane(
    view: str, percent: float, lane: str | None, rule: tuple[Any, ...]
) -> None:
    """By default on the one that they would not be on otherwise, which the configuration may have said; of
    the clients on that one, the rule is for the others.
    """
    some = {"lane": "asgi", "percent": 3}
    configured: dict[str, Any] = {"shop:two": "asgi", "shop:one": some, "/known/*": "wsgi", "/some/*": some}
    state = State(project(**configured), [])
    assert share(state, view, percent, lane) == Rule(view, *rule)


def test_a_share_of_paths_needs_a_lane() -> None:
    """The views below may be of any kind."""
    with pytest.raises(ControlError, match=r"^/new/\*: say which lane"):
        share(State(project(), []), "/new/*", 5.0, None)


NAMES = ["shop:cart", "shop:live", "/a/*", "/b/*"]
STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(NAMES), st.sampled_from(["wsgi", "asgi"]), st.sampled_from([5.0, 100.0])),
        st.sampled_from([None, *NAMES]),
    ),
    max_size=30,
)


@given(STEPS)
def test_changes_do_what_a_list_of_undos_does(steps: list[Any]) -> None:
    """A model: what each name has, and a stack of what it had before; taking back goes on both."""
    configured = {"shop:cart": ("asgi", 5.0), "/b/*": ("wsgi", 100.0)}
    table = {name: {"lane": lane, "percent": percent} for name, (lane, percent) in configured.items()}
    history = History(project(**table))
    now: dict[str, tuple[str, float]] = dict(configured)
    log: list[tuple[str, tuple[str, float] | None]] = []  # of each change: its name, and what that had before
    for step in steps:
        before = dict(now)
        try:
            if isinstance(step, tuple):
                history.put(*step)
            else:
                history.back(step)
        except ControlError:
            expected = [each for each in log if step in (None, each[0])]
            assert now.get(step[0]) == step[1:] if isinstance(step, tuple) else not expected
            continue
        if isinstance(step, tuple):
            name, now[step[0]] = step[0], step[1:]
        else:
            name, had = next(each for each in reversed(log) if step in (None, each[0]))
            now = {**now, name: had} if had else {key: each for key, each in now.items() if key != name}
        log.append((name, before.get(name)))
        assert {rule.name: (rule.lane, rule.percent) for rule in history.state.rules} == now
    assert [change.number for change in history.changes] == list(range(1, len(log) + 1))
    assert [Change.from_json(change.to_json()) for change in history.changes] == history.changes


def below(**lanes: Any) -> Project:
    """Make a project whose views have paths, with a configuration for these."""
    views = [
        View("live", "shop.views.live", async_view, "/live/", is_whole=True),
        View("one", "shop.views.one", async_view, "/things/"),
        View("again", "shop.views.again", async_view, "/live/again/", is_whole=True),
        View("again", "shop.views.again", async_view, "/again/", is_whole=True),
    ]
    return Project(views, parse_rules(lanes))


@pytest.mark.parametrize(
    ("lanes", "view", "effect", "rule"),
    [
        ({"/live/*": "wsgi"}, "live", ("wsgi", None, "configured"), ("asgi", 5.0)),
        ({"/*": "wsgi"}, "one", ("wsgi", None, "configured"), ("asgi", 5.0)),
        ({"/*": "wsgi"}, "again", ("wsgi", None, "configured"), ("asgi", 5.0)),
        ({"/live/*": "wsgi"}, "one", ("asgi", None, "async-view"), ("wsgi", 5.0)),
        ({"/live/*": "wsgi"}, "again", ("asgi", None, "async-view"), ("wsgi", 5.0)),
        ({"/things/1*": "wsgi", "/*": "wsgi"}, "one", ("asgi", None, "async-view"), ("wsgi", 5.0)),
        (
            {"/live/*": {"lane": "asgi", "percent": 7}, "/*": "wsgi"},
            "live",
            ("asgi", 7.0, "configured"),
            ("asgi", 5.0),
        ),
        ({"/live/*": {"lane": "wsgi", "percent": 7}}, "live", ("wsgi", 7.0, "configured"), ("wsgi", 5.0)),
    ],
)
def test_a_share_of_a_view_that_a_pattern_of_paths_has_moved(
    lanes: dict[str, Any], view: str, effect: tuple[Any, ...], rule: tuple[Any, ...]
) -> None:
    """It is taken off the lane where the pattern has it, if it has all its paths there; the views say so."""
    history = History(below(**lanes))
    assert history.state.effect(view) == Effect(*effect)
    assert share(history.state, view, 5.0, None) == Rule(view, *rule)


@pytest.mark.parametrize(
    ("view", "rule"),
    [("live", ("asgi", 5.0)), ("again", ("wsgi", 95.0, "asgi")), ("one", ("wsgi", 95.0, "asgi"))],
)
def test_a_share_on_a_lane_is_that_whatever_patterns_say(view: str, rule: tuple[Any, ...]) -> None:
    """So many are on the lane that is named, and the others are not, also where a pattern has only some."""
    state = History(below(**{"/live/*": "wsgi", "/things/1*": "wsgi"})).state
    assert share(state, view, 5.0, "asgi") == Rule(view, *rule)


def test_a_pattern_that_was_changed_counts_as_one_of_the_file() -> None:
    """And the reason says which change that was."""
    history = History(below())
    history.put("/live/*", "wsgi")
    assert history.state.effect("live") == Effect("wsgi", None, "change 1")
    change = history.add(setting(history.project, wish("live"), share(history.state, "live", 5.0, None)))
    assert (change.before, change.after) == (
        Effect("wsgi", None, "change 1"),
        Effect("asgi", 5.0, "change 2"),
    )
    trial = {each.rule.name: each for each in trials_of(history.state, 0.0)}["live"]
    assert (trial.old, trial.new, list(trial.keys)) == ("wsgi", "asgi", ["live"])
    history.add(stepping_back(history.project, wish("live"), 2))
    assert history.state.effect("live") == Effect("wsgi", None, "change 1")
