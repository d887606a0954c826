"""Sends requests to both lanes, or both servers, and compares what comes back.

The old lane is asked twice, to learn its noise, and the new one once. Where that leaves a difference, both
are asked once more: what does not come again is noise too.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

from hybrid.adapters.django.migrate.shadow.compare import Compared, Comparer
from hybrid.adapters.django.migrate.shadow.exchanges import Outcome, Request, Unreachable
from hybrid.adapters.django.migrate.shadow.masks import NOT_REPEATED, Tally
from hybrid.adapters.django.migrate.shadow.results import Results
from hybrid.adapters.django.migrate.shadow.telling import general

#: Requests one after the other that nobody answers, after which no more are sent.
GIVES_UP = 3

#: Sends a request to a lane, or to a server by its address.
Run = Callable[[Request, str], Outcome]


@dataclass(frozen=True)
class Answers:
    """What came of one request.

    Attributes:
        agains: more answers of the old lane.
    """

    first: Outcome
    agains: tuple[Outcome, ...]
    other: Outcome


class Sender:
    """Sends requests, and puts the results together.

    Args:
        run: sends one.
        comparer: compares the answers.
        results: takes what comes of them; has the names of both lanes.
        jobs: requests at the same time; those to one server for one request come one after the other.
        asks_again: whether the old lane can be asked more than once.
    """

    def __init__(
        self, run: Run, comparer: Comparer, results: Results, *, jobs: int = 1, asks_again: bool = True
    ) -> None:
        self._run = run
        self._comparer = comparer
        self._results = results
        self._jobs = jobs
        self._asks_again = asks_again

    def send(self, requests: Iterable[Request]) -> None:
        """Send them all, or as many as somebody is there for."""
        unanswered = 0
        for request, answers in self._answered(requests):
            if isinstance(answers, Unreachable):
                self._results.add_unreachable(str(answers))
                unanswered += 1
                if unanswered >= GIVES_UP or self._results.unreachable == self._results.requests:
                    self._results.stopped = str(answers)
                    return
            else:
                unanswered = 0
                self._compare(request, answers)

    def _answered(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Answers | Unreachable]]:
        """Give what comes of each, in their order; no more are under way than there are jobs."""
        if self._jobs == 1:
            for each in requests:
                yield each, self._ask(each)
            return
        rest = iter(requests)
        with ThreadPoolExecutor(self._jobs, "shadow") as pool:

            def start(request: Request) -> tuple[Request, Future[Answers | Unreachable]]:
                return request, pool.submit(self._ask, request)

            waiting = deque(start(each) for each in islice(rest, self._jobs))
            while waiting:
                request, answer = waiting.popleft()
                yield request, answer.result()
                waiting.extend(start(each) for each in islice(rest, 1))

    def _ask(self, request: Request) -> Answers | Unreachable:
        """Ask both for an answer (worker)."""
        try:
            first = self._old(request)
            agains = (self._old(request),) if self._asks_again else ()
            return Answers(first, agains, self._run(request, self._results.new))
        except Unreachable as nobody:
            return nobody

    def _old(self, request: Request) -> Outcome:
        outcome = self._run(request, self._results.old)
        if not outcome.status:
            raise Unreachable(f"{self._results.old} gives no answer to compare with: {outcome.exception}")
        return outcome

    def _compare(self, request: Request, answers: Answers) -> None:
        compared = self._comparer.compare(answers.first, answers.agains, answers.other)
        if compared.differences and self._asks_again:
            compared = self._confirmed(request, answers, compared)
        self._results.add(request, answers.first, answers.other, compared)

    def _confirmed(self, request: Request, answers: Answers, compared: Compared) -> Compared:
        """Ask both once more, and keep the differences that come again."""
        more = self._ask_once_more(request)
        if more is None:
            return compared
        agains = (*answers.agains, more.first)
        once = self._comparer.compare(answers.first, agains, answers.other)
        twice = self._comparer.compare(answers.first, agains, more.other)
        places = {each.place for each in twice.differences}
        hidden = Tally(once.hidden)
        for each in compared.differences:
            if each.place not in places:
                hidden[f"{each.what} {general(each.where)}".strip(), NOT_REPEATED] += 1
        return Compared(tuple(each for each in once.differences if each.place in places), hidden)

    def _ask_once_more(self, request: Request) -> Answers | None:
        try:
            first = self._old(request)
            return Answers(first, (), self._run(request, self._results.new))
        except Unreachable:  # now: what was found stands
            return None
