"""What lets somebody in, or out of a limit, on ASGI."""

from typing import Final

from hybrid.adapters.django.migrate.catalogue.shorthand import (
    ASGI,
    ASGIREF,
    AUTO,
    DJANGO,
    ERROR,
    IMPORT,
    LANE,
    RELEASES,
    SETTING,
    SETTINGS,
    STATIC,
    WARNING,
)
from hybrid.adapters.django.migrate.rule import Rule

SECURITY: Final = (
    Rule(
        "HM201",
        ERROR,
        ASGI,
        (IMPORT, STATIC),
        LANE,
        "The user is taken from REMOTE_USER",
        "On ASGI any client can send that field and be anybody. Let a proxy take it away, and say so with "
        "--forwarder-headers.",
        f"{DJANGO}howto/auth-remote-user/",
    ),
    Rule(
        "HM202",
        ERROR,
        ASGI,
        (IMPORT, STATIC),
        SETTING,
        "Django or asgiref is older than its fixes for ASGI",
        "Known vulnerabilities that only ASGI has are open. Upgrade first.",
        RELEASES,
    ),
    Rule(
        "HM203",
        WARNING,
        ASGI,
        (STATIC,),
        SETTING,
        "Uploads are read whole before anybody looks at them",
        "On ASGI Django spools the body to a disk before any middleware or limit. Limit it at the server.",
        f"{SETTINGS}#data-upload-max-memory-size",
    ),
    Rule(
        "HM204",
        WARNING,
        ASGI,
        (IMPORT, STATIC),
        SETTING,
        "The client's address or scheme decides something",
        "Which proxy is believed is each server's matter: the same request may have another address on "
        "another server.",
        f"{SETTINGS}#secure-proxy-ssl-header",
    ),
    Rule(
        "HM205",
        WARNING,
        ASGI,
        (STATIC,),
        AUTO,
        "Who the user or tenant is stands in a threading.local",
        "Asynchronous code reads another thread's value, or another request's.",
        f"{ASGIREF}blob/main/README.rst#threadlocal-replacement",
    ),
)
