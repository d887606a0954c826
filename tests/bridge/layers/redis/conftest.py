"""A Redis server for each test that asks for one."""

from tests.support.redis import redis

__all__ = ["redis"]
