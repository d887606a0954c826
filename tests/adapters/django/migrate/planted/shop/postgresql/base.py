"""SQLite under a name that sounds of a server: what the rules go by is the name."""

from django.db.backends.sqlite3.base import *
