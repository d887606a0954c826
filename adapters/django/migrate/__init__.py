"""What changes for a Django project between WSGI and ASGI, found before it is moved: ``hybrid migrate``.

``docs/migrate.md`` is the manual. Here, from the bottom: :mod:`.findings` and :mod:`.catalogue` say what a
finding and a rule are; ``source/`` reads Python without importing it; ``project/`` imports the project, in a
process of its own; ``rules/`` has what looks for each rule.
"""
