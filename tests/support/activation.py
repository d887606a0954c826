"""Starts servers as systemd starts services: with the sockets that it has, and an ear for what they say."""

import socket
import sys

#: Gives the program after the `-` the descriptors before it, from 3 on, and says so as systemd does.
_ACTIVATED = """
import fcntl, os, sys

end = sys.argv.index("-")
fds = [fcntl.fcntl(int(fd), fcntl.F_DUPFD_CLOEXEC, 100) for fd in sys.argv[1:end]]
os.closerange(3, 100)
for place, fd in enumerate(fds, 3):
    os.dup2(fd, place)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(end - 1), LISTEN_FDNAMES="web:admin")
os.execvp(sys.argv[end + 1], sys.argv[end + 1:])
"""


def activated(*sockets: socket.socket) -> list[str]:
    """Give the launcher of a server to which systemd passes sockets."""
    return [sys.executable, "-c", _ACTIVATED, *(str(each.fileno()) for each in sockets), "-"]
