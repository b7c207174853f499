"""Who may ask for the health of a worker: this machine always, others with the token, or anybody where none is set."""

import hmac
from ipaddress import IPv6Address, ip_address

IS_OPEN = "is open: whoever reaches it reads health and metrics; setting HEALTH_TOKEN asks them for a token"


def is_of_this_machine(address: str) -> bool:
    """Return whether nobody on another machine can reach `host:port`."""
    host = address.rpartition(":")[0].removeprefix("[").removesuffix("]")
    return host == "localhost" or is_loopback(host)


def is_loopback(host: str) -> bool:
    """Return whether an IP address is one that a machine has with itself."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address.is_loopback


def is_allowed(client: str, authorization: str, token: str) -> bool:
    """Return whether a client may ask, from its IP address and what it gave; an empty token asks for nothing."""
    if not token or is_loopback(client):
        return True
    given = authorization.strip().encode("utf-8", "surrogateescape")
    return hmac.compare_digest(given, f"Bearer {token}".encode())
