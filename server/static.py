"""The directories of files that a server sends by itself, as targets beside its applications."""

from collections.abc import Sequence

from hybrid.bridge.errors import LoadError
from hybrid.bridge.gateway import Target
from hybrid.bridge.interface import Interface
from hybrid.bridge.mounts import name
from hybrid.server.config import Config


def with_files(config: Config, targets: Sequence[Target]) -> list[Target]:
    """Add a target for each directory of files that the configuration names.

    Raises:
        ConfigError: one of them is not there.
        LoadError: an application has its place. It would be left without HTTP, which nobody means.
    """
    for prefix, _ in config.static_mounts:
        for target in targets:
            if not target.protocols and not target.host and (target.prefix.rstrip("/") or "/") == prefix:
                raise LoadError(
                    f'static files and target "{name(target)}" both want HTTP at {prefix}: give one of them '
                    "another path"
                )
    return [*targets, *_targets(config)]


def _targets(config: Config) -> list[Target]:
    if not config.static:
        return []
    from hybrid.bridge.static.files import StaticFiles  # most servers have none
    from hybrid.bridge.static.sources import Directory

    return [
        Target(
            StaticFiles(
                Directory(directory, links=config.static_links),
                index=config.static_index,
                max_age=config.static_max_age,
                immutable=config.static_immutable,
                fresh=config.static_fresh,
            ),
            prefix,
            f"files in {directory}",
            protocols=("http",),
            interface=Interface.ASGI3,
        )
        for prefix, directory in config.static_mounts
    ]
