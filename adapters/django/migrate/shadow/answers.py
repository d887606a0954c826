"""An answer as the trees of its parts, each made when it is asked for."""

from collections.abc import Callable, Sequence
from functools import cached_property

from hybrid.adapters.django.migrate.shadow.differences import What
from hybrid.adapters.django.migrate.shadow.exceptions import exception_of
from hybrid.adapters.django.migrate.shadow.exchanges import Outcome
from hybrid.adapters.django.migrate.shadow.masks import Masks
from hybrid.adapters.django.migrate.shadow.parts.bodies import body_tree, field, is_whole, media_type
from hybrid.adapters.django.migrate.shadow.parts.counted import query_tree, sent_tree, warning_tree
from hybrid.adapters.django.migrate.shadow.parts.headers import header_tree
from hybrid.adapters.django.migrate.shadow.parts.trees import Leaf, Listed, Named, Node


class Answer:
    """What one lane made of a request, to be compared.

    Args:
        cover: writes over what the user's own masks match.
    """

    def __init__(self, outcome: Outcome, cover: Callable[[str], str]) -> None:
        self.outcome = outcome
        self._cover = cover

    @cached_property
    def is_whole(self) -> bool:
        """Whether all of the body was kept."""
        return is_whole(self.outcome)

    @property
    def media_type(self) -> str:
        """The type of the body, without parameters."""
        return media_type(self.outcome)

    @property
    def said_status(self) -> str:
        """The status as it is told of, with what stands behind it where it is an error."""
        status = str(self.outcome.status) if self.outcome.status else "no answer"
        return f"{status}, {said}" if (said := exception_of(self.outcome)) else status

    @cached_property
    def headers(self) -> Named:
        """The fields; the length of a body that is not there, as to HEAD, is one."""
        fields = header_tree(self.outcome.headers, self._cover)
        length = field(self.outcome, "content-length")
        if length and not self.outcome.size:
            return Named.of({**dict(fields.parts), "content-length": Leaf(length)})
        return fields

    @cached_property
    def status(self) -> Node:
        """The status."""
        return Leaf(str(self.outcome.status))

    @cached_property
    def body(self) -> Node:
        """The body by its structure, where all of it is there."""
        return body_tree(self.outcome, self._cover)

    @cached_property
    def lines(self) -> Node:
        """The body as lines, which need no end."""
        return body_tree(self.outcome, self._cover, by_structure=False)

    @cached_property
    def queries(self) -> Node | None:
        """The statements; None where nobody could look."""
        return None if self.outcome.queries is None else query_tree(self.outcome.queries)

    @cached_property
    def warnings(self) -> Node:
        """What was logged."""
        return warning_tree(self.outcome.warnings, self._cover)

    @cached_property
    def sent(self) -> Node:
        """What was sent."""
        return sent_tree(self.outcome.sent, self._cover)

    @cached_property
    def exception(self) -> Node:
        """The exception."""
        return Leaf(Masks.plain(self._cover(exception_of(self.outcome))))

    @property
    def is_error_page(self) -> bool:
        """Whether the body is there to tell of an exception, with frames and values that are each lane's."""
        return self.outcome.status >= 500 and bool(exception_of(self.outcome))


def trees_of(answers: Sequence[Answer]) -> dict[What, list[Node]]:
    """Give the trees of answers to one request, part by part, as far as all of them have them."""
    queries = [each.queries for each in answers if each.queries is not None]
    trees = {
        What.STATUS: [each.status for each in answers],
        What.HEADER: _headers(answers),
        What.BODY: _bodies(answers),
        What.QUERIES: queries,
        What.WARNING: [each.warnings for each in answers],
        What.EXCEPTION: [each.exception for each in answers],
        What.SENT: [each.sent for each in answers],
    }
    return {what: nodes for what, nodes in trees.items() if len(nodes) == len(answers)}


def _headers(answers: Sequence[Answer]) -> list[Node]:
    """Leave the length out where one of them does not say it: the server frames that answer."""
    fields = [dict(each.headers.parts) for each in answers]
    if not all("content-length" in each for each in fields):
        for each in fields:
            each.pop("content-length", None)
    return [Named.of(each) for each in fields]


def _bodies(answers: Sequence[Answer]) -> list[Node]:
    """Compare whole bodies by their structure, others as far as all of them go."""
    if len({(each.outcome.body, each.outcome.size) for each in answers}) == 1:
        return [Leaf("")] * len(answers)
    if all(each.is_whole for each in answers):
        return [each.body for each in answers]
    lists = [each.lines for each in answers if isinstance(each.lines, Listed)]
    if len(lists) < len(answers):
        return [each.lines for each in answers]
    shortest = min(len(each.items) for each in lists)
    return [Listed(each.items[:shortest]) for each in lists]
