"""Which rules are in force after the changes that there have been, and where that has views served."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from hybrid.adapters.django.lanes.change import Change, Effect, Said
from hybrid.adapters.django.lanes.rules import Rule, Rules
from hybrid.adapters.django.lanes.views import Verdict, View, verdict_of
from hybrid.bridge.control import ControlError


class Wish(NamedTuple):
    """A change that somebody wants.

    Attributes:
        view: the view's name, its dotted path, or a pattern of paths.
        by, reason: who wants it, and why; one line each.
        time: now, in seconds since the epoch.
    """

    view: str
    by: str
    reason: str
    time: float


def other(lane: str) -> str:
    """Return the other one of two lanes."""
    return "wsgi" if lane == "asgi" else "asgi"


class Home(NamedTuple):
    """Where a view is, or are those below a path, before anything is tried with them.

    Attributes:
        lane: which lane; None below a path where each view has its own.
        is_configured: whether a rule of the configuration says so.
        said: what takes them there.
    """

    lane: str | None
    is_configured: bool
    said: Said


class Project:
    """What can be changed: a project's views, and the rules that its configuration has for them.

    Args:
        views: all there are.
        file: the rules of the configuration, which count where nothing else has been said since.

    Attributes:
        views: by what the figures call them; several routes may have one name.
    """

    def __init__(self, views: Iterable[View], file: Rules) -> None:
        self.file = file
        self.views: dict[str, list[View]] = {}
        self._own: dict[str, Verdict] = {}
        self._named: dict[str, list[View]] = {}
        for view in views:
            self.views.setdefault(view.name or view.dotted_path, []).append(view)
            for name in filter(None, (view.name, view.dotted_path)):
                self._named.setdefault(name, []).append(view)
                self._own.setdefault(name, verdict_of(view.callback))

    def __repr__(self) -> str:
        return f"<Project of {len(self.views)} views>"

    def require(self, name: str) -> str:
        """Return a name that there can be a rule for.

        Raises:
            ControlError: there is no such view; the message has those that are called much the same.
        """
        if name.startswith("/") or name in self._own:
            return name
        last = [each for each in self._own if each.replace(":", ".").endswith(f".{name}")]
        near = list(dict.fromkeys([*last, *difflib.get_close_matches(name, self._own)]))[:3]
        hint = f"did you mean {' or '.join(near)}?" if near else "paths begin with a slash"
        raise ControlError(f"{name}: there is no view of this name: {hint}")

    def named(self, name: str) -> Sequence[View]:
        """Return the views that have a name, or this dotted path; several routes may lead to one."""
        return self._named.get(name, ())

    def own(self, name: str) -> Verdict | None:
        """Return where a view runs for which there is no rule; None for a pattern of paths."""
        return self._own.get(name)

    def home(self, name: str, *, changed: bool) -> Home:
        """Return where a view is at home.

        Args:
            name: the view, or a pattern of paths.
            changed: whether its rule is of a change; to that, a rule of the configuration for all clients is
                what was before, otherwise such a rule is what is tried.
        """
        file, own = self.file.named(name), self.own(name)
        if changed and file is not None and file.is_for_all:
            return Home(file.lane, is_configured=True, said="file")
        said: Said = "file" if file is None else "none"
        return Home(None if own is None else own.lane, is_configured=False, said=said)


class State:
    """What comes of a configuration and of the changes since: the rules that are in force.

    A change of a name replaces its rule of the configuration. Patterns of paths that are not there go before
    those that are, the one changed last first; one that is there keeps its place.

    Args:
        project: the project, with its configuration.
        changes: the changes, oldest first.

    Attributes:
        last: the last change of each name, the latest one at the end.
        rules: the rules.
    """

    def __init__(self, project: Project, changes: Sequence[Change]) -> None:
        self.project = project
        self.changes = changes
        self.last: dict[str, Change] = {}
        for change in changes:
            self.last.pop(change.view, None)
            self.last[change.view] = change
        self.rules = self._in_force()

    def _in_force(self) -> Rules:
        known = {rule.name for rule in self.project.file}
        added = [each.rule for each in reversed(self.last.values()) if each.view not in known]
        changed = [
            rule if self.said(rule.name) == "file" else self.said(rule.name) for rule in self.project.file
        ]
        return Rules([rule for rule in [*added, *changed] if isinstance(rule, Rule)])

    def said(self, name: str) -> Said:
        """Return what has been said last of a name."""
        return self.last[name].rule if name in self.last else "file"

    def rule_of(self, view: View) -> Rule | None:
        """Return the rule that decides for a view, if one for views does."""
        return self.rules.of_view(view.name, view.dotted_path)

    def rule_for(self, name: str) -> Rule | None:
        """Return the rule that decides for a name: its own, or else the one for its dotted path."""
        views = self.project.views.get(name)
        return self.rules.named(name) or (self.rule_of(views[0]) if views else None)

    def rules_below(self, name: str) -> Sequence[Rule]:
        """Return the rules for paths that decide for a view without a rule of its own, the strongest first.
        There are none where they are not the same for all its paths.
        """
        found = [self.rules.of_paths(view.path, is_whole=view.is_whole) for view in self.project.named(name)]
        return found[0] if found and all(each == found[0] for each in found) else ()

    def lane_below(self, name: str) -> str | None:
        """Return the lane where rules for paths have all those clients of a view that no share is for; None
        where none of them says so.
        """
        rules = self.rules_below(name)
        return None if not rules else rules[-1].lane if rules[-1].is_for_all else rules[-1].otherwise

    def effect(self, name: str) -> Effect:
        """Return where the requests of a view, or below a path, are served, and why."""
        rule = self.rule_for(name)
        if rule is None:
            rule = next(iter(self.rules_below(name)), None)
        if rule is not None:
            changed = self.is_changed(rule.name)
            reason = f"change {self.last[rule.name].number}" if changed else "configured"
            return Effect(rule.lane, None if rule.is_for_all else rule.percent, reason)
        own = self.project.own(name)
        return Effect(None, None, "") if own is None else Effect(own.lane, None, own.reason)

    def is_changed(self, name: str) -> bool:
        """Tell whether the rule for a name is of a change, and not of the configuration."""
        return isinstance(self.said(name), Rule)

    def changed(self, wish: Wish, rule: Said) -> Change:
        """Return the change that comes of a wish: a name has this rule from then on."""
        last, before = self.last.get(wish.view), self.effect(wish.view)
        change = Change(
            number=self.changes[-1].number + 1 if self.changes else 1,
            time=wish.time,
            view=wish.view,
            rule=rule,
            was=self.said(wish.view),
            before=before,
            after=before,
            by=wish.by,
            reason=wish.reason,
            baseline=_carried(last, rule),
        )
        return replace(change, after=State(self.project, [*self.changes, change]).effect(wish.view))


def _carried(last: Change | None, rule: Said) -> Mapping[str, Any] | None:
    """Return the figures of the lane that a view has been off since an earlier change: no newer ones are."""
    if last is None or not isinstance(last.rule, Rule) or not isinstance(rule, Rule):
        return None
    return last.baseline if last.rule.lane == rule.lane else None
