"""Descriptors that children do not keep."""

import os

from hybrid.bridge.unix.forks import close_in_children, forget


def test_a_forgotten_descriptor_is_left_alone() -> None:
    """What is forgotten again stays what it is in children."""
    receiving, sending = os.pipe()
    close_in_children(sending)
    forget(sending)
    child = os.fork()
    if child == 0:
        os.write(sending, b"x")
        os._exit(0)
    os.waitpid(child, 0)

    assert os.read(receiving, 1) == b"x"
    os.close(receiving)
    os.close(sending)
