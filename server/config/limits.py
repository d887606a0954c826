"""What clients may use up."""

from dataclasses import field
from typing import ClassVar

from hybrid.server.config.settings import Seconds, SettingsGroup, Whole, setting, settings_group
from hybrid.server.limits import LARGEST_HEAD, MOST_FIELDS, Limits

_DEFAULTS = Limits()


@settings_group
class LimitSettings(SettingsGroup):
    """What clients may use up.

    Attributes:
        limits: what of this the parser looks at; made from the settings.
    """

    heading: ClassVar[str] = "Limits"

    limit_connections: int = setting(
        0,
        Whole(
            low=0,
            high=1 << 30,
            metavar="N",
            help="Let further clients wait at this many connections; 0 is as many as there are descriptors.",
        ),
    )
    limit_request_line: int = setting(
        _DEFAULTS.request_line,
        Whole(
            low=0,
            high=LARGEST_HEAD,
            metavar="BYTES",
            help="Answer 414 to a longer request line; 0 leaves it to --limit-request-head.",
        ),
    )
    limit_request_fields: int = setting(
        _DEFAULTS.request_fields,
        Whole(
            low=0,
            high=MOST_FIELDS,
            metavar="N",
            help=f"Answer 431 to a request with more header fields; 0 is {MOST_FIELDS}, the most possible.",
        ),
    )
    limit_request_field_size: int = setting(
        _DEFAULTS.request_field_size,
        Whole(
            low=0,
            high=LARGEST_HEAD,
            metavar="BYTES",
            help="Answer 431 to a longer header field, its line end included; 0 leaves it to "
            "--limit-request-head.",
        ),
    )
    limit_request_head: int = setting(
        _DEFAULTS.request_head,
        Whole(
            low=64,
            high=LARGEST_HEAD,
            metavar="BYTES",
            help="Answer 431 to a longer head: request line and header fields together.",
        ),
    )
    limit_request_body: int = setting(
        1024**3,
        Whole(
            low=0,
            high=1 << 60,
            metavar="BYTES",
            help="Answer 413 to a request whose body is larger; 0 is no limit.",
        ),
    )
    limit_concurrency: int = setting(
        0,
        Whole(
            low=0,
            high=1 << 20,
            metavar="N",
            help="Let applications answer this many requests at a time; others wait. 0 is no limit.",
        ),
    )
    limit_concurrency_queue: int = setting(
        1024,
        Whole(
            low=0,
            high=1 << 20,
            metavar="N",
            help="Let this many requests wait for --limit-concurrency; one more is answered 503.",
        ),
    )
    limit_concurrency_timeout: float = setting(
        30.0,
        Seconds(
            help="Answer 503 to a request that has waited for --limit-concurrency this long; 0 lets it wait.",
        ),
    )
    limit_max_requests: int = setting(
        0,
        Whole(
            low=0,
            high=1 << 60,
            metavar="N",
            help="Stop after this many requests, as on SIGTERM, so that whoever runs the server starts "
            "another one; 0 goes on.",
        ),
    )
    limit_max_requests_jitter: int = setting(
        0,
        Whole(
            low=0,
            high=1 << 60,
            metavar="N",
            help="Add a random number up to this to --limit-max-requests, so that not all stop at once.",
        ),
    )
    limit_keep_alive_requests: int = setting(
        0,
        Whole(
            low=0,
            high=1 << 60,
            metavar="N",
            help="Close a connection after this many requests, so that clients spread over new processes; 0 "
            "goes on.",
        ),
    )
    limit_stuck_threads: int = setting(
        10,
        Whole(
            low=1,
            high=10_000,
            metavar="N",
            help="Say loudly that the process should be replaced once this many threads were given up; no "
            "others take the places of further ones.",
        ),
    )
    limits: Limits = field(init=False, repr=False)

    def check_group(self) -> None:
        """Gather what the parser looks at."""
        head = self.limit_request_head
        self.limits = Limits(
            request_line=self.limit_request_line or head,
            request_fields=self.limit_request_fields or MOST_FIELDS,
            request_field_size=self.limit_request_field_size or head,
            request_head=head,
            request_body=self.limit_request_body,
        )
