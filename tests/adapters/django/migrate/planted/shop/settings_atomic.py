"""For HM106 alone: with this every asynchronous view would be a fault."""

from shop.settings import *

DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:", "ATOMIC_REQUESTS": True}
}
ROOT_URLCONF = "breaks.urls_atomic"
