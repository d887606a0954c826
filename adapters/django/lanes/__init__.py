"""Django on both lanes in one process. ``docs/django.md`` is the manual."""
