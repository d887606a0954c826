"""What WSGI applications run on."""

from collections.abc import Sequence
from typing import ClassVar

from hybrid.bridge.errors import ConfigError
from hybrid.bridge.targets import check_pool_name
from hybrid.server.config.settings import Seconds, SettingsGroup, Texts, Whole, setting, settings_group

_MOST_THREADS = 10_000


@settings_group
class ThreadSettings(SettingsGroup):
    """What WSGI applications run on."""

    heading: ClassVar[str] = "Threads of WSGI applications"

    threads: int = setting(
        16,
        Whole(
            low=1,
            high=_MOST_THREADS,
            metavar="N",
            help="Threads that run WSGI applications, at most.",
        ),
    )
    threads_queue: int = setting(
        1024,
        Whole(
            low=0,
            high=1 << 20,
            metavar="N",
            help="Let this many requests wait for a thread; one more is answered 503.",
        ),
    )
    threads_queue_timeout: float = setting(
        30.0,
        Seconds(
            help="Answer 503 to a request that has waited for a thread for this long; 0 lets it wait.",
        ),
    )
    pools: Sequence[str] = setting(
        (),
        Texts(
            flag="--pool",
            metavar="NAME=THREADS[,QUEUE]",
            help="Have another pool of threads, for targets that end in @NAME.",
        ),
    )
    websocket_threads: int = setting(
        100,
        Whole(
            low=0,
            high=_MOST_THREADS,
            metavar="N",
            help="Threads for the WebSockets of WSGI applications, one for each connection; one more is "
            "answered 503. 0 refuses them all.",
        ),
    )
    wsgi_buffer: int = setting(
        64 * 1024,
        Whole(
            low=0,
            high=1 << 30,
            metavar="BYTES",
            help="Keep a request body for a WSGI application in memory up to this size, on disk beyond.",
        ),
    )

    @property
    def pool_sizes(self) -> dict[str, tuple[int, int]]:
        """Threads and queue of each of the :attr:`pools`, by name.

        Raises:
            ConfigError: one of them is malformed, or there twice.
        """
        sizes: dict[str, tuple[int, int]] = {}
        for text in self.pools:
            name, _, numbers = text.partition("=")
            threads, comma, queue = numbers.partition(",")
            if not threads.isdecimal() or not (queue.isdecimal() or not comma) or not int(threads):
                raise ConfigError(f"pools: {text!r} is not NAME=THREADS or NAME=THREADS,QUEUE")
            try:
                check_pool_name(name)
            except ValueError as error:
                raise ConfigError(f"pools: {text!r}: {error}") from None
            if name in sizes:
                raise ConfigError(f"pools: {name!r} is there twice")
            sizes[name] = int(threads), int(queue) if comma else self.threads_queue
        return sizes

    def check_group(self) -> None:
        """Refuse pools that cannot be read, now."""
        self.pool_sizes  # noqa: B018 - raises
