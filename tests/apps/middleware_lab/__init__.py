"""A Django project with middleware of every kind, and a process that serves requests through lists of it."""
