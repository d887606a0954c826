"""Asking and telling a running server from outside: a Unix socket for each of its processes.

``places.py``: where they are found; ``lines.py``: what is said on them; ``commands.py``: what can be asked;
``service.py`` listens, ``fleet.py`` asks the other processes, ``serving.py`` puts these together for a
server; ``client.py`` is the other end, for the command line. Nothing of this is loaded by a server that has
nothing to control, but ``places.py`` by the process over workers, which removes what they leave.
"""
