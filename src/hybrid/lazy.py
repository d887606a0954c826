"""Groups of commands that are imported when one of them is asked for."""

from importlib import import_module

import click


class LazyGroup(click.Group):
    """A group whose commands are in modules that nobody has imported yet.

    Args:
        name: of the group.
        package: the dotted name of a package that has ``COMMANDS``: the modules by the names of the commands.
            Each of these modules has its command as ``command``.
        help: one sentence first, which stands in the list of the group's parent.
    """

    def __init__(self, name: str, package: str, help: str) -> None:  # noqa: A002 - as click calls it
        super().__init__(name, help=help)
        self._package = package

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List the names."""
        return [*self._modules()]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command; None where there is no such."""
        module = self._modules().get(cmd_name)
        if module is None:
            return None
        command: click.Command = import_module(module).command
        return command

    def _modules(self) -> dict[str, str]:
        modules: dict[str, str] = import_module(self._package).COMMANDS
        return modules
