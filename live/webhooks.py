"""Where alerts may be posted: hosts of the settings, at an address that is looked up once, checked, and connected to."""

import socket
from ipaddress import IPv6Address, ip_address
from typing import Any
from urllib.parse import urlsplit

import requests
from django.conf import settings
from django.core.exceptions import ValidationError
from requests.adapters import HTTPAdapter

TIMEOUT = (3, 5)  # seconds to connect, and to wait for the answer
LOCAL = (".local", ".localhost", ".internal", ".home.arpa")  # names that only an own network has


def check_webhook(url: str) -> str:
    """The address as it will be asked for; ValidationError unless it is one that webhooks may be posted to.

    The host is read from the address as `requests` understands it: parsers differ in what `https://one\\@two/` is.
    """
    try:
        prepared = str(requests.Request("POST", url).prepare().url)
        parts = urlsplit(prepared)
    except ValueError as error:
        raise ValidationError(f"webhook {url!r} is no address: {error}") from error
    if parts.scheme not in ("http", "https"):
        raise ValidationError(f"webhook {url!r}: an address that begins with https:// or http:// is wanted.")
    if parts.netloc.rpartition("@")[2] not in settings.LIVE_WEBHOOK_HOSTS and parts.hostname not in settings.LIVE_WEBHOOK_HOSTS:
        known = ", ".join(settings.LIVE_WEBHOOK_HOSTS) or "none"
        raise ValidationError(f"webhook {url!r}: {parts.hostname} is no host of LIVE_WEBHOOK_HOSTS, which has: {known}.")
    return prepared


def find_address(url: str) -> str:
    """The IP address that a checked webhook is posted to; ValidationError where all that its host names are refused."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or {"http": 80, "https": 443}[parts.scheme]
    try:
        found = [str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    except UnicodeError as error:
        raise ValidationError(f"webhook {url!r} is no address: {error}") from error
    for address in found:
        if address == host.strip("[]") or is_local(host) or is_public(address) or is_listed(address, port):
            return address
    raise ValidationError(
        f"webhook {url!r}: {host} leads to {', '.join(dict.fromkeys(found))}, which is not public. "
        "If it is to be posted there, list the address in LIVE_WEBHOOK_HOSTS, too."
    )


def is_local(host: str) -> bool:
    """Whether nobody outside can rule where a name leads: one without a dot, or of RFC 6761, 6762 and 8375, or ICANN's."""
    return ("." not in host and ":" not in host) or host.endswith(LOCAL)


def is_public(address: str) -> bool:
    ip = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv6Address):
        ip = ip.ipv4_mapped or ip
    return ip.is_global and not ip.is_multicast


def is_listed(address: str, port: int) -> bool:
    return not {address, f"{address}:{port}", f"[{address}]:{port}"}.isdisjoint(settings.LIVE_WEBHOOK_HOSTS)


class PinnedAdapter(HTTPAdapter):
    """Connects to one address, whatever the host names by then; the certificate has to be the host's."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self.address = address

    def build_connection_pool_key_attributes(self, *args: Any, **options: Any) -> tuple[Any, Any]:
        host, pool = super().build_connection_pool_key_attributes(*args, **options)
        if host["scheme"] == "https":
            pool |= {"server_hostname": host["host"], "assert_hostname": host["host"]}
        return {**host, "host": self.address}, pool


def post(url: str, body: bytes, headers: dict[str, str]) -> int:
    """Post to a webhook and return the status of the answer; redirects are not followed."""
    checked = check_webhook(url)  # the setting may have changed since the rule was saved
    host = urlsplit(checked).netloc.rpartition("@")[2]
    adapter = PinnedAdapter(find_address(checked))
    with requests.Session() as session:
        for scheme in ("http://", "https://"):
            session.mount(scheme, adapter)
        answer = session.post(checked, data=body, headers={**headers, "Host": host}, timeout=TIMEOUT, allow_redirects=False)
    return answer.status_code
