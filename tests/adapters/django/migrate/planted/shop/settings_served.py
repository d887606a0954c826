"""For what settings alone tell: how the project is served."""

from shop.settings import *

ASGI_APPLICATION = "shop.asgi_sockets.application"
FORCE_SCRIPT_NAME = "/shop"  # HM404
SECURE_SSL_REDIRECT = True  # HM204
SESSION_COOKIE_SECURE = True  # not HM204
USE_X_FORWARDED_HOST = False  # not HM404

MIDDLEWARE = [  # HM301
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",  # not HM201
    "django.contrib.auth.middleware.RemoteUserMiddleware",  # HM201
    "security.remote.ByHeader",  # HM201
    "security.remote.Named",  # not HM201
    "capacity.middleware.Old",
    "capacity.middleware.Both",
    "capacity.middleware.either",
]

DATABASES = {
    "default": {  # HM303
        "ENGINE": "shop.postgresql",
        "NAME": ":memory:",
        "CONN_MAX_AGE": 600,  # HM304
    },
    "pooled": {  # not HM303
        "ENGINE": "shop.postgresql",
        "NAME": ":memory:",
        "OPTIONS": {"pool": True},
    },
    "small": {  # not HM303
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": ":memory:",
        "CONN_MAX_AGE": 0,  # not HM304
    },
}

CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache"},  # HM309
    "local": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},  # not HM309
}

CHANNEL_LAYERS = {
    "default": {"BACKEND": "channels.layers.InMemoryChannelLayer"},  # HM501
    "shared": {"BACKEND": "channels_redis.core.RedisChannelLayer"},  # not HM501
}
