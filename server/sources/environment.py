"""Settings from environment variables: ``HYBRID_`` and the name of the setting."""

import re
from collections.abc import Mapping

from hybrid.bridge.errors import ConfigError
from hybrid.server.config import Config
from hybrid.server.config.settings import Texts, settings_of
from hybrid.server.sources.origins import Given, Source
from hybrid.server.wording import did_you_mean

PREFIX = "HYBRID_"
#: Names the configuration file; no setting itself.
CONFIG_VARIABLE = "HYBRID_CONFIG"

#: Set by a server for its workers and what these start: where they share channel layers.
WORKERS_VARIABLE = "HYBRID_WORKERS_SOCKET"

#: Variables that hosting services set, and other servers know: they count where nobody has said anything.
COMMON_VARIABLES = {"workers": "WEB_CONCURRENCY", "forwarded_allow_ips": "FORWARDED_ALLOW_IPS"}

#: What Kubernetes sets for a service that is called "hybrid", and Docker's links did: its address.
_SERVICE_LINK = re.compile(r"(tcp|udp|sctp)://", re.IGNORECASE)
_SERVICE_VARIABLE = re.compile(r"HYBRID_(SERVICE_(HOST|PORT)|PORT_\d+_(TCP|UDP|SCTP)|NAME$|ENV_)")


def variable_of(name: str) -> str:
    """Return the environment variable of a setting."""
    return PREFIX + name.upper()


def from_environment(environ: Mapping[str, str], file: str = "") -> dict[str, Given]:
    """Return the settings that variables give, and the targets as ``app``. An empty variable gives nothing.

    Args:
        environ: the variables.
        file: where they come from, if they are not the process's own.

    Raises:
        ConfigError: a value is refused; the message names the variable.
    """
    variables = {name: variable_of(name) for name in ("app", *settings_of(Config))}
    return _read(environ, variables, file)


def from_common_variables(environ: Mapping[str, str]) -> dict[str, Given]:
    """Return the settings that :data:`COMMON_VARIABLES` give.

    Raises:
        ConfigError: a value is refused; the message names the variable.
    """
    return _read(environ, COMMON_VARIABLES, "")


def _read(environ: Mapping[str, str], variables: Mapping[str, str], file: str) -> dict[str, Given]:
    given: dict[str, Given] = {}
    settings = {name: what for name, (what, _) in settings_of(Config).items() if what.option}
    for name, what in {"app": _TARGETS, **settings}.items():
        variable = variables.get(name, "")
        text = environ.get(variable, "")
        if not text or is_service_link(variable, text):
            continue
        value = what.read(text)
        try:
            what.check(name, value)
        except ConfigError as error:
            raise ConfigError(f"{variable}: {str(error).removeprefix(f'{name}: ')}{_in(file)}") from None
        given[name] = Given(value, Source.ENVIRONMENT, variable + _in(file))
    return given


def is_service_link(variable: str, text: str) -> bool:
    """Tell whether a variable holds the address of a service, and was not meant for us."""
    return variable == variable_of("port") and _SERVICE_LINK.match(text) is not None


def ignored(environ: Mapping[str, str]) -> list[str]:
    """Say which of our variables have not been set for us."""
    variable = variable_of("port")
    text = environ.get(variable, "")
    why = "it is the address of a service, as Kubernetes sets it for one that is called hybrid"
    return [f"{variable}={text} is ignored: {why}"] if is_service_link(variable, text) else []


def unknown(environ: Mapping[str, str]) -> list[str]:
    """Say which variables look like ours and have no meaning: somebody may have mistyped one."""
    names = [name for name, (what, _) in settings_of(Config).items() if what.option]
    known = {CONFIG_VARIABLE, WORKERS_VARIABLE, *map(variable_of, ("app", *names))}
    ours = {each for each in environ if each.startswith(PREFIX) and not _SERVICE_VARIABLE.match(each)}
    meant = known - {WORKERS_VARIABLE}
    return [f"{each} is no variable of ours{did_you_mean(each, meant)}" for each in sorted(ours - known)]


_TARGETS = Texts(help="The targets.", metavar="TARGET...")


def _in(file: str) -> str:
    return f" in {file}" if file else ""
