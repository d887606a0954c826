"""What clients may use up."""

from dataclasses import dataclass, field, replace
from typing import ClassVar

from hybrid.bridge.errors import ConfigError
from hybrid.server.config.settings import SettingsGroup, Whole, setting
from hybrid.server.limits import Limits


@dataclass(kw_only=True)
class LimitSettings(SettingsGroup):
    """What clients may use up.

    Args:
        limits: what a request's head and the coding of its body may measure.
    """

    heading: ClassVar[str] = "Limits"

    limit_stuck_threads: int = setting(
        10,
        Whole(
            low=1,
            high=10_000,
            metavar="N",
            help="Say loudly that the process should be replaced once this many threads were given up.",
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
    limits: Limits = field(default_factory=Limits)

    def check_group(self) -> None:
        """Gather what the parser looks at."""
        if self.limits.request_body not in (0, self.limit_request_body):
            raise ConfigError("limits: the limit of the request body is set with limit_request_body")
        self.limits = replace(self.limits, request_body=self.limit_request_body)
