"""What the operator may set of the service, from the environment."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from base.refused import Refused
from ledger import keys

MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Oidc:
    """A provider that the operator trusts to say whose address it is."""

    issuer: str
    client_id: str
    client_secret: str

    def __repr__(self) -> str:
        """Never the secret: reprs end up in logs."""
        return f"Oidc({self.issuer})"


@dataclass(frozen=True)
class Settings:
    """url: how people reach the service, without a slash at its end; None: on this machine only.

    requests_per_minute: of one access. rows_per_day: that a recipient may be delivered. upload_bytes: of one file.
    """

    url: str | None = None
    oidc: Oidc | None = None
    requests_per_minute: int = 600
    failures_per_minute: int = 10
    rows_per_day: int = 500_000
    upload_bytes: int = 100 * MEGABYTE
    session_hours: int = 8

    @property
    def is_https(self) -> bool:
        """Whether cookies may go over HTTPS only."""
        return bool(self.url and self.url.startswith("https://"))

    @property
    def hosts(self) -> list[str]:
        """Names that the service answers to."""
        named = urlsplit(self.url).hostname if self.url else None
        return ["127.0.0.1", "localhost", "[::1]", *([named] if named else [])]


def load() -> Settings:
    """From KOHDE_SERVICE_URL, KOHDE_OIDC_ISSUER, _CLIENT_ID, _CLIENT_SECRET (or ..._SECRET_FILE) and the limits.

    Raises Refused for a setting that cannot be.
    """
    url = (os.environ.get("KOHDE_SERVICE_URL") or "").rstrip("/") or None
    if url and urlsplit(url).scheme not in ("http", "https"):
        raise Refused("KOHDE_SERVICE_URL begins with https://")
    return Settings(
        url, _oidc(), _number("KOHDE_REQUESTS_PER_MINUTE", Settings.requests_per_minute),
        rows_per_day=_number("KOHDE_ROWS_PER_DAY", Settings.rows_per_day),
    )  # fmt: skip


def _oidc() -> Oidc | None:
    issuer = (os.environ.get("KOHDE_OIDC_ISSUER") or "").rstrip("/")
    if not issuer:
        return None
    client, secret = os.environ.get("KOHDE_OIDC_CLIENT_ID"), os.environ.get("KOHDE_OIDC_CLIENT_SECRET")
    if file := os.environ.get("KOHDE_OIDC_CLIENT_SECRET_FILE"):
        secret = Path(file).read_text(encoding="utf-8").strip()
    if not client or not secret:
        raise Refused("KOHDE_OIDC_ISSUER also needs KOHDE_OIDC_CLIENT_ID and KOHDE_OIDC_CLIENT_SECRET (or ..._SECRET_FILE)")
    return Oidc(issuer, client, secret)


def _number(name: str, otherwise: int) -> int:
    told = os.environ.get(name)
    if not told:
        return otherwise
    if not told.isdigit() or not int(told):
        raise Refused(f"{name} is a number above 0")
    return int(told)


def cookie(told: Settings) -> str:
    """Name of the session's cookie. `__Host-`: browsers take it from this host alone, not from another of the same domain."""
    return "__Host-kohde_session" if told.is_https else "kohde_session"


def session_secret() -> str:
    """What sessions are signed with: of the house's secret, so that a rotation ends them. Raises keys.SecretMissing."""
    (made,) = keys.current().keyed(["the sessions of the service"], "subject")
    return hashlib.sha256(f"session|{made}".encode()).hexdigest()
