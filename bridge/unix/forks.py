"""Descriptors that a child process must not keep open, as others wait for the end of this one.

A process that forks, as :mod:`multiprocessing` may, shares its sockets and locks with the child. If the
parent dies then, its lock would stay locked and its connections open. In the child their descriptors
therefore become those of the null device: numbers that objects of the child still have in mind cannot come to
mean anything else.
"""

import contextlib
import os

_descriptors: set[int] = set()


def close_in_children(descriptor: int) -> None:
    """Have a descriptor closed in every child process."""
    if not _descriptors:
        _register()
    _descriptors.add(descriptor)


def forget(descriptor: int) -> None:
    """Leave a descriptor alone again, before it is closed."""
    _descriptors.discard(descriptor)


def silence(descriptor: int) -> None:
    """Let a descriptor mean the null device."""
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    try:
        with contextlib.suppress(OSError):
            os.dup2(null, descriptor, inheritable=False)
    finally:
        os.close(null)


def _silence_all() -> None:
    for descriptor in _descriptors:
        silence(descriptor)
    _descriptors.clear()


_registered = False


def _register() -> None:
    global _registered  # noqa: PLW0603 - what is registered for forks stays so
    if not _registered:
        _registered = True
        os.register_at_fork(after_in_child=_silence_all)
