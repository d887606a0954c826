"""Connections to databases and caches, of which plain ASGI has one for each request."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from hybrid.adapters.django.migrate.catalogue import RULES
from hybrid.adapters.django.migrate.findings import Confidence, Finding, Fix, FixKind, Seen
from hybrid.adapters.django.migrate.project.facts import Facts
from hybrid.adapters.django.migrate.rules.registry import imported
from hybrid.adapters.django.migrate.rules.tables import table, tables_of
from hybrid.adapters.django.migrate.source.settings import place_of_setting
from hybrid.adapters.django.migrate.source.sources import Sources

#: Words in the names of backends whose database has a limit of connections.
_SERVERS: Final = ("postgres", "postgis", "mysql", "mariadb", "oracle", "mssql", "cockroach")
#: Cache backends that make a client, or a pool, of their own for each object that Django makes of them.
_CLIENTS: Final = {
    "django.core.cache.backends.memcached.PyLibMCCache": "a client of libmemcached",
    "django.core.cache.backends.memcached.PyMemcacheCache": "a client of pymemcache",
    "django.core.cache.backends.redis.RedisCache": "a pool of connections to Redis",
}


@imported("HM303")
def without_bounds(facts: Facts, sources: Sources) -> Iterator[Finding]:
    """Find databases of which nothing counts the connections."""
    for alias, database in tables_of(facts, "DATABASES"):
        engine = str(database.get("ENGINE", ""))
        if any(each in engine.lower() for each in _SERVERS) and not _has_pool(database):
            yield RULES["HM303"].finding(
                place_of_setting(sources, facts.settings_module, "DATABASES", alias),
                f"each request that runs has a thread, and a connection to {alias!r}, of its own on plain "
                "ASGI: as many as there are requests, however few the database allows",
                seen=Seen.IMPORT,
                confidence=Confidence.LIKELY,
                fix=Fix(
                    FixKind.SETTING,
                    "bound the requests that run at once (--threads on the wsgi lane), or give the database "
                    "a pool",
                ),
            )


@imported("HM304")
def kept_for_nobody(facts: Facts, sources: Sources) -> Iterator[Finding]:
    """Find connections that are to stay open after a request."""
    for alias, database in tables_of(facts, "DATABASES"):
        age = database.get("CONN_MAX_AGE", 0)
        if age is None or (isinstance(age, (int, float)) and age > 0):
            yield RULES["HM304"].finding(
                place_of_setting(sources, facts.settings_module, "DATABASES", alias, "CONN_MAX_AGE"),
                f"connections to {alias!r} are kept {'for ever' if age is None else f'for {age:g} seconds'}: "
                "on plain ASGI by threads that have ended: nothing uses them again, and they stay open",
                seen=Seen.IMPORT,
                fix=Fix(
                    FixKind.SETTING,
                    "set CONN_MAX_AGE to 0 for a plain ASGI server; the lanes of hybrid keep connections "
                    "with their threads",
                ),
            )


@imported("HM309")
def clients_of_caches(facts: Facts, sources: Sources) -> Iterator[Finding]:
    """Find caches of which Django makes an object, with a client, for each request."""
    for alias, cache in tables_of(facts, "CACHES"):
        made = _CLIENTS.get(str(cache.get("BACKEND", "")))
        if made:
            yield RULES["HM309"].finding(
                place_of_setting(sources, facts.settings_module, "CACHES", alias),
                f"the cache {alias!r} makes {made} for each request on plain ASGI, where Django keeps caches "
                "by context and not by thread",
                seen=Seen.IMPORT,
                confidence=Confidence.LIKELY,
                fix=Fix(FixKind.SETTING, "take a backend whose pool is the process's, such as django-redis"),
            )


def _has_pool(database: Mapping[str, Any]) -> bool:
    """Tell whether Django, or the backend, has a pool of connections for a database."""
    options = table(database.get("OPTIONS"))
    pooled = bool(options.get("pool") or options.get("POOL_OPTIONS"))
    return pooled or "pool" in str(database.get("ENGINE", "")).lower()
