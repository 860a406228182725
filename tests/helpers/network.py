"""A process without a network: whatever asks for one is refused, and fails the test even if a library goes on."""

import sys
from contextlib import contextmanager

EVENTS = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto")
"""Events of Python's audit hooks with which every connection by its sockets begins."""

asked = None  # what was asked for within `without_network`; None outside


def _refuse(event, arguments):
    if asked is None or event not in EVENTS:
        return
    address = arguments[1] if event in ("socket.connect", "socket.sendto") else arguments[0]
    if isinstance(address, str | bytes) and event == "socket.connect":
        return  # a socket of this machine's file system
    asked.append(f"{event} {address}")
    raise ConnectionError(f"Expected no use of the network, but got {event} {address}.")


sys.addaudithook(_refuse)  # which cannot be taken away, so that it looks whether anyone wants it


@contextmanager
def without_network():
    """Refuse all that this process asks of the network, its own machine included.

    Raises:
        AssertionError: At the end, if anything was asked for.
    """
    global asked
    asked = []
    try:
        yield
        if asked:
            raise AssertionError(f"Expected no use of the network, but got {asked}.")
    finally:
        asked = None
