from collections.abc import Mapping
from typing import Any

class Setting:
    name: str
    section: str
    default: Any
    value: Any
    def get(self) -> Any: ...

KNOWN_SETTINGS: list[type[Setting]]

class Config:
    settings: Mapping[str, Setting]
    is_ssl: bool
    def set(self, name: str, value: object) -> None: ...
    def __getattr__(self, name: str) -> Any: ...
