"""What depends on who the server takes the client for: its address, and the scheme."""

import ast
from collections.abc import Iterator
from typing import Final

from hybrid.adapters.django.migrate.catalogue import RULES
from hybrid.adapters.django.migrate.findings import Confidence, Finding, Fix, FixKind, Level, Seen
from hybrid.adapters.django.migrate.project.facts import Facts
from hybrid.adapters.django.migrate.rules.fields import fields_read
from hybrid.adapters.django.migrate.rules.knowing import last_name, text_of
from hybrid.adapters.django.migrate.rules.registry import imported, static
from hybrid.adapters.django.migrate.source.module import SourceModule
from hybrid.adapters.django.migrate.source.settings import place_of_setting
from hybrid.adapters.django.migrate.source.sources import Sources

_LIMITS: Final = {
    "django_ratelimit.decorators.ratelimit",
    "django_ratelimit.core.is_ratelimited",
    "ratelimit.decorators.ratelimit",
}
_BY_ADDRESS: Final = {"ip", "user_or_ip"}
#: Methods of loggers: what is only written down decides nothing.
_LOGS: Final = {"critical", "debug", "error", "exception", "info", "log", "warning"}


@static("HM204")
def address_in_source(module: SourceModule, sources: Sources) -> Iterator[Finding]:
    """Find ``META["REMOTE_ADDR"]`` that is more than logged, and limits by address."""
    for node, key in fields_read(module):
        if key == "REMOTE_ADDR" and not _is_logged(module, node):
            said = (
                f"{module.segment(node)}: whether that is the proxy or the client is each server's matter; "
                "plain ASGI servers believe X-Forwarded-For from other proxies than WSGI ones do"
            )
            yield _finding(module, node, said, Confidence.POSSIBLE)
    for call in module.calls_of(_LIMITS):
        for word in call.keywords:
            if word.arg == "key" and text_of(word.value) in _BY_ADDRESS:
                said = (
                    f"{module.segment(call.func)} counts by the client's address, which on an ASGI server "
                    "may be the proxy's, one for all"
                )
                yield _finding(module, call, said, Confidence.LIKELY)


@imported("HM204")
def scheme_in_settings(facts: Facts, sources: Sources) -> Iterator[Finding]:
    """Find settings that act on the scheme: a warning where the server alone says what it is."""
    settings = facts.settings
    if settings.get("SECURE_PROXY_SSL_HEADER"):
        header = settings["SECURE_PROXY_SSL_HEADER"][0]
        yield RULES["HM204"].finding(
            place_of_setting(sources, facts.settings_module, "SECURE_PROXY_SSL_HEADER"),
            f"SECURE_PROXY_SSL_HEADER believes {header} on both lanes, whoever sends it: the proxy has to "
            "set it, and the server to let it through",
            seen=Seen.IMPORT,
            level=Level.NOTE,
            fix=Fix(FixKind.SETTING, "tell the server which proxies it may believe: --forwarded-allow-ips"),
        )
    elif settings.get("SECURE_SSL_REDIRECT"):
        yield RULES["HM204"].finding(
            place_of_setting(sources, facts.settings_module, "SECURE_SSL_REDIRECT"),
            "SECURE_SSL_REDIRECT without SECURE_PROXY_SSL_HEADER goes by the scheme that the server says: "
            "behind a proxy that an ASGI server does not believe, every request is redirected for ever",
            seen=Seen.IMPORT,
            confidence=Confidence.POSSIBLE,
            fix=Fix(FixKind.SETTING, "set SECURE_PROXY_SSL_HEADER, or --forwarded-allow-ips of the server"),
        )


def _is_logged(module: SourceModule, node: ast.AST) -> bool:
    """Tell whether a value goes to a logger and nowhere else."""
    for above in module.ancestors(node):
        if isinstance(above, ast.Call) and last_name(above.func) in _LOGS:
            return True
        if isinstance(above, ast.stmt):
            return False
    return False


def _finding(module: SourceModule, node: ast.AST, said: str, sure: Confidence) -> Finding:
    return RULES["HM204"].finding(module.place(node), said, seen=Seen.STATIC, confidence=sure, cause="HM204")
