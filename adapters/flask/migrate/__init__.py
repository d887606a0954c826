"""What changes for a Flask application that comes from other servers, found before it is moved.

``docs/migrate-flask.md`` is the manual. What is not Flask's is that of ``hybrid.adapters.django.migrate``,
whose command this belongs to: findings, the reading of source, the process that imports, reports. Nothing
here needs Django, and only :mod:`.project` is for an environment that has Flask.
"""
