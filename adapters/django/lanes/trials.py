"""Views on trial: on a lane that they would not have by themselves, until they do worse there."""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from hybrid.adapters.django.lanes.budget import Budget, judge
from hybrid.adapters.django.lanes.figures import Counts
from hybrid.adapters.django.lanes.rules import Rule
from hybrid.adapters.django.lanes.state import State, other
from hybrid.adapters.django.lanes.views import verdict_of
from hybrid.adapters.django.lanes.windows import Found

#: Looks at trials in a window of time.
LOOKS: Final = 6


class Trial(NamedTuple):
    """A rule for which requests are not on the lane where their views are at home.

    Attributes:
        rule: the rule.
        number: the change that it came with; 0 if it is in the configuration.
        since: when that was, in seconds since the epoch.
        old, new: from where to where.
        keys: what the figures call the views.
        baseline: what came of them on the old lane in the window before; None where nobody has looked.
    """

    rule: Rule
    number: int
    since: float
    old: str
    new: str
    keys: frozenset[str]
    baseline: Counts | None

    def counts(self, found: Found, lane: str) -> Counts:
        """Return what has come of its requests on a lane."""
        nothing = Counts()
        return sum((found.get(key, {}).get(lane, nothing) for key in self.keys), nothing)


def trials_of(state: State, started: float) -> list[Trial]:
    """Return what is on trial.

    A rule of the configuration is until something is changed of it: what somebody takes back to it stays. One
    that has all clients on the wsgi lane never is: it is there for what must not be on the other, and nothing
    that goes wrong on threads tells that a view does better where nobody has seen it.

    Args:
        state: the rules that are in force.
        started: since when those of the configuration are, in seconds since the epoch.
    """
    owns = _owns(state)
    tried = [rule for rule in state.rules if _is_tried(state, rule)]
    trials = (_trial(state, rule, owns.get(rule.name, {}), started) for rule in tried)
    return [trial for trial in trials if trial is not None]


def _is_tried(state: State, rule: Rule) -> bool:
    if rule.name in state.last:
        return state.is_changed(rule.name)
    return rule.lane == "asgi" or not rule.is_for_all


def _owns(state: State) -> dict[str, dict[str, set[str]]]:
    """Return for each rule what it decides for, by what the figures call that, and the lanes that there would
    be without it. Below a path, of whose views nobody knows, that is the other lane.
    """
    owns = {rule.name: {rule.name: {other(rule.lane)}} for rule in state.rules if rule.name.startswith("/")}
    for key, views in state.project.views.items():
        for view in views:
            if (rule := state.rule_of(view)) is not None:
                own = state.lane_below(key) or verdict_of(view.callback).lane
                owns.setdefault(rule.name, {}).setdefault(key, set()).add(own)
    return owns


def _trial(state: State, rule: Rule, owns: Mapping[str, set[str]], started: float) -> Trial | None:
    """Return the trial of a rule, if it moves anything off where that is at home."""
    home = state.project.home(rule.name, changed=state.is_changed(rule.name))
    keys = {key for key, own in owns.items() if rule.lane not in ({home.lane} if home.is_configured else own)}
    if not keys or not rule.percent:
        return None
    change = state.last.get(rule.name)
    baseline = None if change is None or change.baseline is None else Counts.from_json(change.baseline)
    number, since = (0, started) if change is None else (change.number, change.time)
    return Trial(rule, number, since, other(rule.lane), rule.lane, frozenset(keys), baseline)


def starts(trials: Iterable[Trial], beginning: float) -> dict[str, float]:
    """Return since when the figures of views count that were moved after the beginning of a window: what was
    before the change does not.
    """
    return {key: trial.since for trial in trials if trial.since > beginning for key in trial.keys}


def failed(trial: Trial, budget: Budget, found: Found) -> str | None:
    """Return why a trial is to end, None if it is not.

    A share is compared with the other clients in the same window, if there are enough of them. What has been
    moved as a whole, and such a share, is compared with the old lane in the window before it was moved.
    """
    beside = trial.counts(found, trial.old)
    is_enough = not trial.rule.is_for_all and beside.requests >= budget.requests
    old = beside if is_enough else trial.baseline or Counts()
    return judge(budget, trial.counts(found, trial.new), old, trial.old)
