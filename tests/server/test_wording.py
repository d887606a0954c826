"""Pieces of messages."""

import errno
import os

from hybrid.server.wording import did_you_mean, reason_of


def test_why_the_system_refused_something() -> None:
    """In its own words, without the number; where there are none, in those of the error."""
    assert reason_of(OSError(errno.EACCES, os.strerror(errno.EACCES), "/x")) == "Permission denied"
    assert reason_of(OSError("no such thing")) == "no such thing"
    assert reason_of(ValueError("not UTF-8")) == "not UTF-8"


def test_what_may_have_been_meant() -> None:
    """The name that is most like it, in the form that is asked for; nothing where none is."""
    assert did_you_mean("prot", ("host", "port", "ports")) == "; did you mean port?"
    assert did_you_mean("clinet", ("client",), "%({})s") == "; did you mean %(client)s?"
    assert did_you_mean("xyz", ("host", "port")) == ""
