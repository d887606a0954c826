"""Which of several encodings of a file a client gets (RFC 9110 section 12.5.3), without any I/O."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

#: Suffixes of files that are another one, encoded, with their content codings.
SUFFIXES: Final = {".br": b"br", ".zst": b"zstd", ".gz": b"gzip"}
#: The file as it is.
IDENTITY: Final = b""

_MEMBER = re.compile(
    rb"[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*(?:;[ \t]*[qQ]=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)[ \t]*)?"
)
_OTHER_NAMES: Final = {b"x-gzip": b"gzip"}


def choose_coding(accepted: bytes | None, sizes: Mapping[bytes, int]) -> bytes:
    """Return the coding that a client likes best; of several the one with the fewest bytes.

    Without the field everything would be acceptable; but who says nothing often understands nothing.

    Args:
        accepted: the value of Accept-Encoding, its lines joined by commas.
        sizes: of the files that there are, in bytes, by their codings.
    """
    if not sizes or not accepted:
        return IDENTITY
    weights = _weights(accepted)
    others = weights.get(b"*", 0.0)
    weight, _, coding = max((weights.get(coding, others), -size, coding) for coding, size in sizes.items())
    # The file as it is comes after all that is named, unless it is named itself.
    return coding if weight > 0 and weight >= weights.get(b"identity", 0.0) else IDENTITY


@lru_cache(maxsize=64)  # browsers of one kind say the same
def _weights(accepted: bytes) -> Mapping[bytes, float]:
    """Read the members; one that is malformed is not wanted."""
    weights: dict[bytes, float] = {}
    for member in accepted.lower().split(b","):
        match = _MEMBER.fullmatch(member)
        if match is not None:
            name = _OTHER_NAMES.get(match[1], match[1])
            weights[name] = float(match[2]) if match[2] is not None else 1.0
    return weights
