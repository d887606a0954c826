"""Whether a project's tests come near ASGI."""

import ast
from collections.abc import Iterator
from typing import Final

from hybrid.adapters.django.migrate.catalogue import RULES
from hybrid.adapters.django.migrate.findings import Confidence, Finding, Fix, FixKind, Seen
from hybrid.adapters.django.migrate.rules.registry import whole
from hybrid.adapters.django.migrate.source.module import SourceModule
from hybrid.adapters.django.migrate.source.sources import Sources

_CLIENTS: Final = {"django.test.Client", "django.test.client.Client"}
_CASES: Final = (
    "django.test.TestCase",
    "django.test.TransactionTestCase",
    "django.test.SimpleTestCase",
    "django.test.LiveServerTestCase",
)
#: Names by which a test goes to an ASGI application.
_ASGI: Final = ("AsyncClient", "async_client", "ASGITransport", "WebsocketCommunicator", "HttpCommunicator")


@whole("HM412")
def tests_of_wsgi_alone(sources: Sources) -> Iterator[Finding]:
    """Find the first use of ``django.test.Client`` where no test has anything of ASGI."""
    tests = [each for each in sources.modules if sources.is_test(each)]
    if any(word in module.text for module in tests for word in _ASGI):
        return
    for module in tests:
        node = _first_use(module)
        if node is not None:
            yield RULES["HM412"].finding(
                module.place(node),
                f"the tests in {len(tests)} {'module' if len(tests) == 1 else 'modules'} go through "
                "django.test.Client, which calls the WSGI handler: nothing of ASGI has been tested",
                seen=Seen.STATIC,
                confidence=Confidence.LIKELY,
                fix=Fix(FixKind.SUGGEST, "run them through both: hybrid migrate test -- COMMAND"),
            )
            return


def _first_use(module: SourceModule) -> ast.AST | None:
    made = next(module.calls_of(_CLIENTS), None)
    if made is not None:
        return made
    has_case = any(
        module.dotted(base) in _CASES for each in module.nodes(ast.ClassDef) for base in each.bases
    )
    if not has_case:
        return None
    for node in module.nodes(ast.Attribute):
        match node:
            case ast.Attribute(value=ast.Attribute(value=ast.Name(id="self"), attr="client")):
                return node
            case _:
                pass
    return None
