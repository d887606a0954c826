"""How a running server is, in numbers: ``reading.py`` takes a reading of a process, ``commands.py`` answers
who asks for those of all of them, and ``past.py`` keeps what those have counted that have gone. What is
counted, and what a reading is, is in ``server/ops/metrics/``.
"""
