"""A channel layer through Redis or Valkey."""

from hybrid.bridge.layers.redis.layer import RedisChannelLayer

__all__ = ["RedisChannelLayer"]
