"""An address in any spelling in, where requests go out."""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Protocol
from urllib.parse import SplitResult, urlsplit, urlunsplit

_REGIONS = {"global": "https://api.minimax.io", "china": "https://api.minimax.cn"}
_OFFICIAL = re.compile(r"api(-\w+)?\.minimaxi?\.(io|cn|com|chat)")
_ENDPOINT = re.compile(r"(/v1)?(/messages|/chat/completions)?$")

# Labels of 63 octets, 253 in all: RFC 1035, 2.3.4. Other scripts are httpx's to encode.
_LABEL = (
    r"[^\x00-,./:-@\[-^`{-\x7f]{1,63}"  # ASCII's word characters, and what is beyond
)
_HOST = re.compile(rf"{_LABEL}(\.{_LABEL})*\.?")
_LONGEST_HOST = 253
_LONGEST_ADDRESS = 2000  # characters; no server takes much more


class Dialect(Protocol):
    """What an address has to know of a protocol."""

    @property
    def path(self) -> str:
        """The endpoint's path."""

    @property
    def official_prefix(self) -> str:
        """What stands before it on MiniMax's own hosts."""


def resolve_url(base_url: str | None, region: str, dialect: Dialect) -> str:
    """Where a dialect's requests go.

    Args:
        base_url: Any spelling: a host, a path of a protocol, a full path; `None` for
            the region's own host. MiniMax's hosts are completed, whatever path was
            given; to others, `/v1/messages` or `/v1/chat/completions` is appended.
        region: `"global"` or `"china"`.
        dialect: The protocol.

    Raises:
        ValueError: If it is no address, or holds a user name and password.
    """
    return _resolved(base_url, region, dialect.official_prefix, dialect.path)


@lru_cache
def _resolved(base_url: str | None, region: str, prefix: str, endpoint: str) -> str:
    parts = base_address(base_url, region)
    path, query = without_endpoint(parts.path), parts.query
    if is_official(parts.geturl()):
        path, query = prefix, ""
    elif parts.path.rstrip("/").endswith(endpoint.removeprefix("/v1")):
        # The whole of it, which may know no `/v1`.
        return parts._replace(path=parts.path.rstrip("/")).geturl()
    elif not prefix:
        path = path.removesuffix("/anthropic")  # there is the other protocol
    path += endpoint
    return urlunsplit((parts.scheme, parts.netloc, path, query, ""))


@lru_cache
def base_address(base_url: str | None, region: str = "global") -> SplitResult:
    """The address that was given, or the region's own.

    Raises:
        ValueError: If it is no address, or holds a user name and password.
    """
    given = (base_url or _REGIONS[region]).strip()
    if "@" in given:
        msg = (
            "`base_url` holds a user name. Credentials would show up in logs: pass "
            'them with `default_headers={"Authorization": …}`.'
        )
        raise ValueError(msg)
    parts = _parts(given)
    if parts is None:
        msg = "`base_url` is no address: give it as https://host or https://host/path."
        raise ValueError(msg)
    return parts


def without_endpoint(path: str) -> str:
    """What stands before a chat endpoint, or before `/v1`."""
    return _ENDPOINT.sub("", path.rstrip("/"))


def _parts(given: str) -> SplitResult | None:
    if len(given) > _LONGEST_ADDRESS or not given.isprintable():
        return None
    try:
        parts = urlsplit(_with_scheme(given))
        port = parts.port
    except ValueError:
        return None
    is_known = parts.scheme in ("http", "https") and port != 0
    return parts if is_known and _is_host(parts.hostname or "") else None


def _is_host(name: str) -> bool:
    if name in ("http", "https"):
        return False  # `http//host` is no scheme but a slip
    fits = len(name) <= _LONGEST_HOST and _HOST.fullmatch(name)
    return bool(fits) or _ip(name) is not None


def _with_scheme(given: str) -> str:
    if "://" in given:
        return given
    host = urlsplit(f"//{given}").hostname or ""
    return f"http{'' if _is_local(host) else 's'}://{given}"


def _is_local(host: str) -> bool:
    ip = _ip(host)
    return host == "localhost" or (ip is not None and ip.is_loopback)


def _ip(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


@lru_cache
def is_official(url: str) -> bool:
    """Whether an address is one of MiniMax's own API hosts."""
    parts = _parts(url)
    return parts is not None and bool(_OFFICIAL.fullmatch(parts.hostname or ""))
