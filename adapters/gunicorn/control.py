"""The control directory of a server with workers, which its arbiter removes: workers come and go."""

import os

from hybrid.server.config import Config
from hybrid.server.ops.control.places import remove_server


def remove_control(config: Config, uid: int | None = None) -> None:
    """Remove the control directory that is named by this process, unless a worker of it is there: at its end,
    and at its start, as one that was killed may have had the same id (arbiter).

    Args:
        config: says where it is.
        uid: the user of the workers, by default that of this process.
    """
    if config.controlled:
        remove_server(config.control_folder, os.getpid(), uid)
