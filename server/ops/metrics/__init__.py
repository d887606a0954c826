"""The figures of a server: ``tallies.py``, which finds what requests (``route_tally.py``) and WebSockets
(``socket_tally.py``) are counted in while they are served; ``lag.py`` and ``loop_watch.py``, which look at
the event loop; ``snapshot.py``, all figures at one moment, as ``records.py`` adds them up and writes them
down. ``server/status/`` takes such readings, and is asked for them.
"""
