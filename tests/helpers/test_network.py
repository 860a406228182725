"""What asks for the network is refused, and is seen though its error is swallowed."""

import socket
from contextlib import suppress
from urllib.request import urlopen

import pytest

from helpers.network import without_network


@pytest.mark.parametrize(
    "ask",
    [
        lambda: urlopen("http://192.0.2.1/weights.pt"),
        lambda: socket.getaddrinfo("example.org", 443),
        lambda: socket.create_connection(("127.0.0.1", 9)),
    ],
    ids=["a download", "a name", "this machine"],
)
def test_what_asks_for_the_network_is_seen(ask):
    with pytest.raises(AssertionError, match="socket"), without_network(), suppress(OSError):
        ask()


def test_a_process_without_questions_goes_on():
    with without_network():
        assert sum(range(4)) == 6
