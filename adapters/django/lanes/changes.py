"""Changing where views are served while they are: what is asked for, and what of that cannot be done."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from hybrid.adapters.django.lanes.change import Change
from hybrid.adapters.django.lanes.rules import Rule
from hybrid.adapters.django.lanes.state import Project, State, Wish, other
from hybrid.bridge.control import ControlError

#: Names with rules that the configuration has not: paths are anybody's to think of.
_MOST_NAMES: Final = 200
_SINCE: Final = "since the server was started"

#: Decides on the next change, knowing those that there are, oldest first.
Decide = Callable[[Sequence[Change]], Change]
#: The same, but finds perhaps that it is better not made.
MayDecide = Callable[[Sequence[Change]], Change | None]


def setting(project: Project, wish: Wish, rule: Rule) -> Decide:
    """Let there be a rule for a view.

    Raises, when it is decided:
        ControlError: it is there already, or there are too many rules, or stronger ones.
    """

    def decide(changes: Sequence[Change]) -> Change:
        state = State(project, changes)
        if state.rules.named(wish.view) == rule:
            now = state.effect(wish.view)
            raise ControlError(f"{wish.view}: {now} already ({now.reason})")
        change = state.changed(wish, rule)
        _refuse_useless(State(project, [*changes, change]), wish.view)
        return change

    return decide


def _refuse_useless(state: State, name: str) -> None:
    """Refuse a rule that decides nothing, as its views have stronger ones; and too many rules."""
    known = {rule.name for rule in state.project.file}
    if sum(rule.name not in known for rule in state.rules) > _MOST_NAMES:
        raise ControlError(f"{_MOST_NAMES} names have new rules: put some of them into hybrid.toml")
    if name.startswith("/"):
        return
    deciding = [state.rule_of(view) for view in state.project.named(name)]
    stronger = sorted({rule.name for rule in deciding if rule is not None and rule.name != name})
    if len(stronger) > 0 and not any(rule is state.rules.named(name) for rule in deciding):
        raise ControlError(
            f"{name}: a rule for a name goes before one for a dotted path: {', '.join(stronger)}"
        )


def share(state: State, view: str, percent: float, lane: str | None) -> Rule:
    """Return the rule that has so many percent of the clients on a lane.

    Args:
        state: what there is.
        view: a view's name, or a pattern of paths.
        percent: from 0 to 100.
        lane: which; by default the one where the view is not at home, as far as that is the same for all its
            paths.

    Raises:
        ControlError: no lane is given for a pattern of paths that has none yet.
    """
    home, rule = state.project.home(view, changed=True), state.rules.named(view)
    below = None if home.is_configured else state.lane_below(view)
    at_home = below or home.lane
    if lane is None and at_home is None:
        if rule is None:
            raise ControlError(f"{view}: say which lane, as each view below it has its own")
        lane = rule.lane
    lane = lane or other(at_home or "wsgi")
    if percent >= 100:
        return Rule(view, lane)
    otherwise = home.lane if home.is_configured else None
    if lane == at_home:  # a rule is for those clients that it moves
        otherwise = at_home if below is None else None  # a rule for some of its paths has no say in it
        lane, percent = other(lane), 100 - percent
    return Rule(view, lane, percent, otherwise)


def rolling_back(project: Project, wish: Wish, view: str | None) -> Decide:
    """Take the last change of a view back, or the last one at all. That is a change too, which can be taken
    back likewise.

    Raises, when it is decided:
        ControlError: there has been none.
    """

    def decide(changes: Sequence[Change]) -> Change:
        state = State(project, changes)
        last = state.last.get(view) if view is not None else next(reversed(changes), None)
        if last is None:
            raise ControlError(
                f"{view} has not been changed {_SINCE}" if view else f"nothing has been changed {_SINCE}"
            )
        why = f"takes back change {last.number}" + (f": {wish.reason}" if wish.reason else "")
        change = state.changed(wish._replace(view=last.view, reason=why), last.was)
        return replace(change, undoes=last.number)

    return decide


def stepping_back(project: Project, wish: Wish, number: int) -> MayDecide:
    """Let a view be where it is at home, unless something else has been said of it meanwhile.

    Args:
        project: the project.
        wish: which view, by whom and why.
        number: the change that said what is taken back; 0 where that is the configuration.
    """

    def decide(changes: Sequence[Change]) -> Change | None:
        state = State(project, changes)
        last = state.last.get(wish.view)
        if (last.number if last else 0) != number:
            return None
        return state.changed(wish, project.home(wish.view, changed=state.is_changed(wish.view)).said)

    return decide
