"""The rules: everything known to break, slow down or change between WSGI and ASGI in Django, and what Flask
applications meet with on threads.

A module for each group. What looks for them is in ``rules/``; ``docs/migrate-rules.md`` is made from all of
them.
"""

from typing import Final

from hybrid.adapters.django.migrate.catalogue.breaks import BREAKS
from hybrid.adapters.django.migrate.catalogue.capacity import CAPACITY
from hybrid.adapters.django.migrate.catalogue.flask import FLASK
from hybrid.adapters.django.migrate.catalogue.meaning import MEANING
from hybrid.adapters.django.migrate.catalogue.security import SECURITY
from hybrid.adapters.django.migrate.catalogue.sockets import SOCKETS

#: By id, in the order of the catalogue.
RULES: Final = {each.id: each for each in (*BREAKS, *SECURITY, *CAPACITY, *MEANING, *SOCKETS, *FLASK)}
