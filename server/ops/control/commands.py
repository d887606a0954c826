"""What a process can be asked, and what becomes of a command that fails."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, Final

from hybrid.bridge.control import Command, ControlError
from hybrid.server.ops.control.lines import Code, Refused, Request, write_answer
from hybrid.server.wording import did_you_mean

logger = logging.getLogger("hybrid.control")

#: Seconds that a command may take.
_SECONDS: Final = 10.0


class Commands:
    """The commands of a process, its own and those of its applications. Loop thread only."""

    def __init__(self, commands: Mapping[str, Command]) -> None:
        self._commands = dict(commands)

    def __repr__(self) -> str:
        return f"<Commands {' '.join(self.names)}>"

    @property
    def names(self) -> list[str]:
        """What there is."""
        return sorted(self._commands)

    def add(self, commands: Mapping[str, Command]) -> None:
        """Take the commands of an application; what one before it has stays that one's."""
        for name in commands.keys() & self._commands.keys():
            logger.warning("several applications have the command %s: the first one answers it", name)
        self._commands = {**commands, **self._commands}

    async def call(self, command: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the answer of a command.

        Raises:
            Refused: there is no answer; a defect of the command is in the log, and not in the message.
        """
        function = self._commands.get(command)
        if function is None:
            hint = did_you_mean(command, self._commands)
            raise Refused(f"there is no command {command!r} here{hint}", Code.UNKNOWN)
        try:
            async with asyncio.timeout(_SECONDS):
                return await function(arguments)
        except ControlError as error:
            raise error if isinstance(error, Refused) else Refused(str(error)) from None
        except TimeoutError:
            logger.error("the command %s has taken longer than %g s", command, _SECONDS)
            raise Refused(f"{command} has taken longer than {_SECONDS:g} s", Code.TIMEOUT) from None
        except Exception as error:
            logger.exception("the command %s has failed", command)
            raise Refused(f"{command} has failed; the log of the server says why", Code.FAILED) from error

    async def line(self, request: Request) -> bytes:
        """Return the line that answers a request.

        Raises:
            Refused: as :meth:`call`.
        """
        answer = await self.call(request.command, request.arguments)
        try:
            return write_answer(answer)
        except (TypeError, ValueError) as error:
            logger.exception("the command %s answers what JSON cannot say", request.command)
            message = f"{request.command} has failed; the log of the server says why"
            raise Refused(message, Code.FAILED) from error
