"""What the processes of one user on one machine need to meet at Unix sockets, and to be left alone by others.

``folders.py``: where such sockets may be; ``sockets.py``: their paths, and who is at the other end;
``forks.py``: descriptors that children must not keep.
"""
