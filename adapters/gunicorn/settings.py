"""From gunicorn's settings, and ``hybrid_…`` names in its configuration file, to the server's configuration.

``docs/gunicorn.md`` has a row for each setting of gunicorn, whether it is in this table or not.
"""

import ssl
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib import import_module
from types import ModuleType
from typing import Any, Final, cast

from gunicorn.config import Config as GunicornConfig

from hybrid.adapters.gunicorn.versions import http_settings
from hybrid.bridge.errors import ConfigError
from hybrid.server.config import Config
from hybrid.server.config.settings import settings_of
from hybrid.server.wording import did_you_mean

PREFIX: Final = "hybrid_"
#: Beside our settings' names, what the configuration file may say after the prefix.
TARGETS: Final = "targets"

#: What is gunicorn's matter under gunicorn, and which of its settings says it.
_GUNICORNS: Final = {
    **dict.fromkeys(("bind", "host", "port", "uds", "fd", "uds_mode"), "bind"),
    "reuse_port": "reuse_port",
    "backlog": "backlog",
    "root_path": "root_path",
    "workers": "workers",
    "pidfile": "pidfile",
    "timeout_worker_healthcheck": "timeout",
    "limit_max_requests": "max_requests",
    "limit_max_requests_jitter": "max_requests_jitter",
    "app_dir": "chdir",
    "factory": "wsgi_app",
    "env_file": "raw_env",
    "log_level": "loglevel",
    **dict.fromkeys(("log_config", "log_format", "use_colors"), "logconfig_dict"),
    "error_logfile": "errorlog",
    **dict.fromkeys(("access_log", "access_logfile"), "accesslog"),
    **dict.fromkeys(("access_log_format", "access_log_websocket_format"), "access_log_format"),
    "access_logger": "logger_class",
    **dict.fromkeys(
        ("reload", "reload_dirs", "reload_includes", "reload_excludes", "reload_delay"), "reload"
    ),
}

#: Of ``graceful_timeout``, after which gunicorn kills, what is left for lifespan shutdown and the end of the
#: process when requests are cut off: this share, and where that is less than these seconds, so many.
_END_SHARE: Final = 0.1
_END_SECONDS: Final = 1.0


def _same(value: Any) -> Any:
    return value


def _comma_separated(value: Any) -> str:
    return value if isinstance(value, str) else ",".join(value)


def _for_requests(graceful_timeout: float) -> float:
    """Return how long requests may take after SIGTERM: half of the time at least."""
    return max(graceful_timeout / 2, graceful_timeout - max(graceful_timeout * _END_SHARE, _END_SECONDS))


def _peers(value: Any) -> str:
    """Write a list of addresses; gunicorn always believes who comes by a Unix socket."""
    listed = _comma_separated(value)
    return f"{listed},unix" if listed else "unix"


#: Each of gunicorn's settings that means one of ours, which one, and how its value is written there.
MAPPED: Final[Mapping[str, tuple[str, Callable[[Any], Any]]]] = {
    "workers": ("workers", _same),  # for the channel layer that reaches them all
    "backlog": ("backlog", _same),
    "threads": ("threads", _same),
    "worker_connections": ("limit_connections", _same),
    "graceful_timeout": ("timeout_graceful_shutdown", _for_requests),
    "keepalive": ("timeout_keep_alive", _same),
    "limit_request_line": ("limit_request_line", _same),
    "limit_request_fields": ("limit_request_fields", _same),
    "limit_request_field_size": ("limit_request_field_size", _same),
    "chdir": ("app_dir", _same),
    "forwarded_allow_ips": ("forwarded_allow_ips", _peers),
    "secure_scheme_headers": ("secure_scheme_headers", _same),
    "forwarder_headers": ("forwarder_headers", _comma_separated),
    "header_map": ("header_map", _same),
    "proxy_protocol": ("proxy_protocol", _same),
    "proxy_allow_ips": ("proxy_allow_ips", _peers),
    "certfile": ("ssl_certfile", _same),
    "keyfile": ("ssl_keyfile", _same),
    "ca_certs": ("ssl_ca_certs", _same),
    "cert_reqs": ("ssl_cert_reqs", int),
    "ciphers": ("ssl_ciphers", _same),
    "asgi_loop": ("loop", _same),
    "asgi_lifespan": ("lifespan", _same),
    "websocket_max_message_size": ("ws_max_size", _same),
}

_SETTINGS: Final = settings_of(Config)


def config_of(cfg: GunicornConfig, app: object, **given: Any) -> Config:
    """Make the configuration of a worker.

    What the configuration file says with the prefix ``hybrid_`` comes before what follows from gunicorn's
    own settings.

    Args:
        cfg: gunicorn's configuration.
        app: the application.
        given: what is not to be had from there.

    Raises:
        ConfigError: a value that no server could run with, or a name that starts with ``hybrid_`` and is no
            setting of ours.
    """
    # gunicorn's secure_scheme_headers say all about the scheme. It takes no address from X-Forwarded-For; the
    # worker of uvicorn does.
    values: dict[str, Any] = {"forwarded_fields": "for"}
    values |= {ours: write(getattr(cfg, theirs)) for theirs, (ours, write) in MAPPED.items()}
    values |= http_settings(cfg)
    if cfg.is_ssl and cfg.settings["ssl_context"].value is not cfg.settings["ssl_context"].default:
        values["ssl_context_factory"] = partial(_call_ssl_context, cfg)
    if not cfg.is_ssl:
        values = {name: value for name, value in values.items() if not name.startswith("ssl_")}
    own = file_settings(cfg)
    own.pop(TARGETS, None)
    values |= given | own
    return Config(app=app, **values)


def _call_ssl_context(
    cfg: GunicornConfig, _: Config, default_factory: Callable[[], ssl.SSLContext]
) -> ssl.SSLContext:
    context: ssl.SSLContext = cfg.ssl_context(cfg, default_factory)
    return context


def targets_of(cfg: GunicornConfig) -> list[str]:
    """Return the targets that the configuration file mounts beside the application, as ``hybrid_targets``.

    Raises:
        ConfigError: it is not a list of texts.
    """
    targets: Any = file_settings(cfg).get(TARGETS, [])
    if not isinstance(targets, (list, tuple)):
        raise ConfigError(f"{PREFIX}{TARGETS}: {targets!r} is not a list of targets")
    return list(cast("Sequence[str]", targets))


def file_settings(cfg: GunicornConfig) -> dict[str, Any]:
    """Return what the configuration file says with our prefix, which is taken off.

    gunicorn passes over names that it does not know, and keeps none of them; the module itself stays.

    Raises:
        ConfigError: a name is unknown; the message says which one may have been meant.
    """
    module = _config_module(cfg)
    said: dict[str, Any] = vars(module) if module is not None else {}
    found = {name: value for name, value in said.items() if name.startswith(PREFIX)}
    for name in found:
        _check_name(name)
    return {name.removeprefix(PREFIX): value for name, value in found.items()}


def _config_module(cfg: GunicornConfig) -> ModuleType | None:
    location: str = cfg.config or ""
    if location.startswith("python:"):
        return import_module(location.removeprefix("python:"))
    return sys.modules.get("__config__")  # what gunicorn calls the file that it has read last


def _check_name(name: str) -> None:
    bare = name.removeprefix(PREFIX)
    if bare in _GUNICORNS:
        raise ConfigError(f"{name}: under gunicorn, set {_GUNICORNS[bare]}")
    if bare not in _SETTINGS and bare != TARGETS:
        hint = did_you_mean(bare, [*_SETTINGS, TARGETS], PREFIX + "{}")
        raise ConfigError(f"{name}: there is no such setting{hint}")
