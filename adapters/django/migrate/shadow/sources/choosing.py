"""Which of the requests that there are get sent."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from itertools import islice

from hybrid.adapters.django.migrate.shadow.exchanges import SAFE_METHODS, Headers, Request
from hybrid.adapters.django.migrate.shadow.recordings import Recorded


@dataclass(frozen=True)
class Choice:
    """What the user has said about them.

    Attributes:
        paths: patterns of paths, as :mod:`fnmatch` has them, of which one must fit; empty for all.
        exclude: patterns of which none may fit.
        methods: those that are sent; empty for the safe ones.
        limit: how many.
        headers: fields that each of them gets, instead of its own of the same names.
    """

    paths: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    methods: frozenset[str] = frozenset()
    limit: int = 1000
    headers: Headers = ()

    def of(self, requests: Iterable[Recorded]) -> Iterator[Recorded]:
        """Give those that are sent; one that has come before adds nothing."""
        return islice(self._once(requests), self.limit)

    def _once(self, requests: Iterable[Recorded]) -> Iterator[Recorded]:
        seen: set[Request] = set()
        for each in requests:
            changed = replace(each, request=self._with_fields(each.request))
            if self._takes(changed.request) and changed.request not in seen:
                seen.add(changed.request)
                yield changed

    def _takes(self, request: Request) -> bool:
        path = request.target.partition("?")[0]
        return (
            request.method in (self.methods or SAFE_METHODS)
            and (not self.paths or any(fnmatchcase(path, each) for each in self.paths))
            and not any(fnmatchcase(path, each) for each in self.exclude)
        )

    def _with_fields(self, request: Request) -> Request:
        names = {name for name, _ in self.headers}
        kept = tuple((name, value) for name, value in request.headers if name not in names)
        return replace(request, headers=(*kept, *self.headers))
