"""Which rule of the catalogue an exception or a warning at run time is of, as far as its text tells."""

import re
from collections.abc import Iterable
from typing import Final

_KEYS: Final = r"RAW_URI|REQUEST_URI|SERVER_PROTOCOL|SERVER_SOFTWARE|PATH_TRANSLATED"
#: Exceptions as ``TYPE: MESSAGE``, and what is logged; and the rule. The first counts.
_KNOWN: Final = tuple(
    (re.compile(text), rule)
    for text, rule in (
        (r"AttributeError: '\w*Request' object has no attribute 'environ'", "HM101"),
        (rf"KeyError: ['\"]((wsgi|gunicorn|uwsgi)\.\w+|{_KEYS})['\"]", "HM102"),
        (r"KeyError: 'REMOTE_USER'", "HM201"),
        (r"TypeError: .*missing \d+ required .*'environ'|KeyError: 'environ'", "HM103"),
        (r"AssertionError: Expected a `Response`.*<class 'coroutine'>", "HM110"),
        (r"ValueError: .*returned an unawaited coroutine|coroutine '.*' was never awaited", "HM105"),
        (r"(AttributeError|TypeError): 'coroutine' object ", "HM104"),
        (r"TypeError: object \w*Response\w* can't be used in 'await' expression", "HM104"),
        (r"RuntimeError: You cannot use ATOMIC_REQUESTS with async views", "HM106"),
        (r"SynchronousOnlyOperation: |You cannot call this from an async context", "HM107"),
        (r"ImproperlyConfigured: .*HTTP handlers must either be all sync or all async", "HM108"),
        (r"ValueError: (signal only works|set_wakeup_fd only works) in main thread", "HM111"),
        (r"There is no current event loop", "HM113"),
        (r"asyncio\.run\(\) cannot be called from a running event loop", "HM113"),
        (r"AppRegistryNotReady: ", "HM115"),
        (r"must consume synchronous iterators", "HM305"),
        (r"must consume asynchronous iterators", "HM306"),
        (r"RuntimeError: You cannot use AsyncToSync in the same thread as an async event loop", "HM308"),
        (r"RuntimeError: Event loop is closed", "HM308"),
        (r"ValueError: .*was created in a different Context", "HM413"),
    )
)


def rule_of(errors: Iterable[str]) -> str:
    """Return the id of the rule that the first known one of these texts is of; ``""`` for none.

    Args:
        errors: an exception and what it came of, each as ``TYPE: MESSAGE``; or what was logged.
    """
    for error in errors:
        for text, rule in _KNOWN:
            if text.search(error):
                return rule
    return ""
