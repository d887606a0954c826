"""What a process that watches groups has been told, so that nothing is told twice or not at all.

Redis that is started anew knows nobody, and a broker that is killed takes its books with it. Then all
processes say again who their members are: those are no news for who has known them, and those of a process
that died meanwhile are never mentioned again. So each process remembers what it was told, and compares.
"""

from collections.abc import Iterable, Iterator

from hybrid.bridge.layers.presence import Member


class Watched:
    """The members that are known, by watched group."""

    def __init__(self) -> None:
        self._known: dict[str, dict[str, Member]] = {}

    def __repr__(self) -> str:
        return f"<Watched: {len(self._known)} groups>"

    def __len__(self) -> int:
        return len(self._known)

    def forget(self, group: str) -> None:
        """Watch a group no more."""
        self._known.pop(group, None)

    def note(self, group: str, joined: bool, member: Member) -> bool:
        """Take note of a change; True when it is news."""
        known = self._known.get(group)
        if known is None:
            return False
        if not joined:
            return known.pop(member.channel, None) is not None
        is_news = member.channel not in known
        known[member.channel] = member
        return is_news

    def begin(self, group: str, members: Iterable[Member]) -> Iterator[tuple[bool, Member]]:
        """Watch a group in which these are; give who has joined since it was watched before, if it was."""
        known = self._known.get(group)
        if known is None:
            self._known[group] = {member.channel: member for member in members}
            return
        for member in members:
            if self.note(group, True, member):
                yield True, member

    def compare(self, group: str, members: Iterable[Member]) -> Iterator[tuple[bool, Member]]:
        """Give who has left, and who has joined, when these are all that there are."""
        present = {member.channel: member for member in members}
        for member in tuple(self._known.get(group, {}).values()):
            if member.channel not in present and self.note(group, False, member):
                yield False, member
        for member in present.values():
            if self.note(group, True, member):
                yield True, member
