"""What requests of a project do while they are served: ``--observe``, which ``hybrid migrate observe`` asks.

Nothing of this is imported without that setting. ``seen.py`` is what is counted, by view and lane, and the
records of requests; ``notes.py`` is the bounded table of places and stacks, which ``frames.py`` finds. Each
kind of fact has a module: ``hops.py``, ``queries.py``, ``signals.py``, ``exceptions.py``, ``streams.py`` and
``loop.py``; ``observing.py`` puts into Django and asgiref what these need. ``lanes.py`` gives each request
its record, ``closing.py`` notices its end, ``control.py`` answers, and ``application.py`` puts all together.
"""
