"""How many file descriptors there are, and whether one is left for a client."""

import os
import sys

#: What files, spools and applications keep for themselves: this part of all descriptors, and at most so many.
_RESERVED_PART = 4
_MOST_RESERVED = 1024


def descriptor_mark() -> int:
    """Return the number from which on descriptors are reserved for other things than connections.

    The system gives out the lowest number that is free: one as high as this says that all below are in use.
    """
    try:
        import resource
    except ImportError:  # Windows, where handles are not numbered that way
        return sys.maxsize
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit == resource.RLIM_INFINITY:
        return sys.maxsize
    return limit - min(limit // _RESERVED_PART, _MOST_RESERVED)


def has_free_descriptor(mark: int) -> bool:
    """Tell whether a descriptor below the mark is free."""
    try:
        descriptor = os.open(os.devnull, os.O_RDONLY)
    except OSError:
        return False
    os.close(descriptor)
    return descriptor < mark
