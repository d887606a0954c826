"""Django's backend for SQLite, which says so of itself."""

from django.db.backends.sqlite3 import base, features


class DatabaseFeatures(features.DatabaseFeatures):
    """All of SQLite's but for one."""

    supports_transactions = False


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection."""

    features_class = DatabaseFeatures
