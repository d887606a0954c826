"""The addresses at which a server tells of itself: its health, and what it does."""

from dataclasses import fields
from typing import Final

from hybrid.server.config import Config

#: Whether this server has them.
HAS_OPS: Final = "ops" in {field.name for field in fields(Config)}
