"""The command nmf-dashboard with a watch on its own sockets: every address that is not this computer is written down.

python watched.py LOG [arguments of nmf-dashboard]
"""

import ipaddress
import os
import sys

LOG = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
ASKS = ("socket.connect", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr")


def is_here(place):
    """Whether an address is this computer's own: loopback, no address at all, or a socket in the file system."""
    host = place[0] if isinstance(place, tuple) and place else place
    if host is None or isinstance(host, bytes) or (isinstance(host, str) and (not host or host[0] in "/\0")):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def watch(event, arguments):
    if event in ASKS:
        place = arguments[0] if event.startswith("socket.get") else arguments[1]
        if not is_here(place):
            os.write(LOG, f"{event} {place!r}\n".encode())


sys.addaudithook(watch)

if __name__ == "__main__":
    from dashboard.server import cli

    sys.exit(cli.main(sys.argv[2:]))
