"""What those who operate a server see of it: health, metrics, the status, and the operations page (``ops``).

A small application (``application.py``), served by the server's own code on the server's own loop, at an
address of its own (``serving.py``). ``access.py`` decides who is told what.
"""
