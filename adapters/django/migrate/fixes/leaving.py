"""How a codemod says that it leaves something alone."""


class LeftAlone(Exception):
    """A finding is left alone; the argument is the reason, one sentence without a full stop."""
