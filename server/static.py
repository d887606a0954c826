"""The directories of files that a server sends by itself, as targets beside its applications."""

from collections.abc import Sequence

from hybrid.bridge.errors import ConfigError, LoadError
from hybrid.bridge.gateway import Target
from hybrid.bridge.interface import Interface
from hybrid.bridge.mounts import name
from hybrid.server.config import Config
from hybrid.server.config.static import StaticMount
from hybrid.server.frameworks import django_static_mounts


def with_files(config: Config, targets: Sequence[Target]) -> list[Target]:
    """Add a target for each directory of files that the configuration names, or a Django project's settings.

    Raises:
        ConfigError: one of them is not there, or two are for the same path.
        LoadError: an application has its place. It would be left without HTTP, which nobody means.
    """
    mounts = [*config.static_mounts, *_of_django(config, targets)]
    for mount in mounts:
        for target in targets:
            if not target.protocols and _place(target) == (mount.host, mount.prefix):
                raise LoadError(
                    f'static files and target "{name(target)}" both want HTTP at {mount.prefix}: give one of '
                    "them another path"
                )
    return [*targets, *_targets(config, mounts)]


def _of_django(config: Config, targets: Sequence[Target]) -> list[StaticMount]:
    named = {mount.prefix: mount for mount in config.static_mounts}
    mounts = django_static_mounts(targets, config)
    for mount in mounts:
        if not mount.host and mount.prefix in named:
            raise ConfigError(
                f"django_static: STATIC_URL is {mount.prefix}, which static gives to "
                f"{named[mount.prefix].directory} already: leave one of them out"
            )
    return mounts


def _place(target: Target) -> tuple[str, str]:
    return target.host, target.prefix.rstrip("/") or "/"


def _targets(config: Config, mounts: Sequence[StaticMount]) -> list[Target]:
    if not mounts:
        return []
    from hybrid.bridge.static.files import StaticFiles  # most servers have none
    from hybrid.bridge.static.sources import Directory

    return [
        Target(
            StaticFiles(
                Directory(mount.directory, links=config.static_links),
                index=config.static_index,
                max_age=config.static_max_age,
                immutable=config.static_immutable,
                fresh=config.static_fresh,
            ),
            mount.prefix,
            f"files in {mount.directory}",
            host=mount.host,
            protocols=("http",),
            interface=Interface.ASGI3,
        )
        for mount in mounts
    ]
