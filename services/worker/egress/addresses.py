"""Which addresses the worker may call on behalf of others.

Our own table, as `ipaddress.is_global` has holes: it lets NAT64, 6to4, multicast and
a cloud's metadata address pass.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

Address = IPv4Address | IPv6Address

_IPV4_RESERVED = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # Azure's host
        "169.254.0.0/16",  # link-local, where clouds keep credentials
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
#: Nothing outside this is public, now.
_IPV6_PUBLIC = IPv6Network("2000::/3")
_IPV6_RESERVED = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments, Teredo
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4
        "3fff::/20",  # documentation
    )
)
#: Addresses with an IPv4 address in their last 32 bits: mapped, NAT64.
_IPV4_INSIDE = (IPv6Network("::ffff:0:0/96"), IPv6Network("64:ff9b::/96"))

_PRIVATE: tuple[IPv4Network | IPv6Network, ...] = (
    IPv4Network("10.0.0.0/8"),
    IPv4Network("127.0.0.0/8"),
    IPv4Network("172.16.0.0/12"),
    IPv4Network("192.168.0.0/16"),
    IPv6Network("::1/128"),
    IPv6Network("fc00::/7"),
)
#: In a private range, and yet where a cloud keeps credentials.
_METADATA = IPv6Address("fd00:ec2::254")


def is_allowed(address: Address, *, allow_private: bool) -> bool:
    """Whether the worker may call `address`.

    Args:
        address: Where the connection would go.
        allow_private: Whether loopback and private networks are allowed, too.
    """
    bare = _unwrapped(address)
    if allow_private and bare != _METADATA and any(bare in net for net in _PRIVATE):
        return True
    if isinstance(bare, IPv4Address):
        return not any(bare in network for network in _IPV4_RESERVED)
    return bare in _IPV6_PUBLIC and not any(bare in net for net in _IPV6_RESERVED)


def _unwrapped(address: Address) -> Address:
    if isinstance(address, IPv6Address) and any(address in n for n in _IPV4_INSIDE):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address
