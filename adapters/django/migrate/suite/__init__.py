"""A project's own tests on both sides of Django: ``hybrid migrate test``. The manual is
``docs/migrate-test.md``.

The command runs twice: as it is, and with ``django.test.Client`` going through what Django has for ASGI.
:mod:`.startup` comes into its processes as ``sitecustomize``; :mod:`.inside` and what it imports run there
and write lines of JSON with :mod:`.recorder`. The others run here: :mod:`.running` starts the command,
:mod:`.records` reads the lines, :mod:`.comparison` compares, :mod:`.report` writes.
"""
