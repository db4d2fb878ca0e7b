"""Signing in to the page: with a key of one's own, or at the provider that the operator trusts (OpenID Connect).

The session is a signed cookie that holds the access's id, when it began and an id of its own. It is made anew at each sign-in,
so that nobody can be led into a session that somebody else knows.
"""

import secrets
import time
from typing import Any
from urllib.parse import urlsplit

import httpx2
from anyio import to_thread
from authlib.integrations.base_client import OAuthError
from authlib.integrations.starlette_client import OAuth
from fastapi import Request
from fastapi.responses import RedirectResponse, Response
from joserfc.errors import JoseError

from delivery.service.edge import Door, Limits
from delivery.service.faults import Fault
from delivery.service.settings import Oidc, Settings
from ledger import access
from ledger.access import Identity

UNREACHED = (httpx2.HTTPError, RuntimeError)
"""What the provider's silence is raised as, and metadata of its that cannot be."""
SILENT = "the provider cannot be reached: try again, or sign in with a key"
PROVIDER_SECONDS = 10


class SigningIn:
    """Of one service. home: the lake whose ledger says who may come in."""

    def __init__(self, home: Any, settings: Settings, door: Door, limits: Limits) -> None:
        self.home, self.settings, self.door, self.limits = home, settings, door, limits
        self._provider = _client(settings.oidc) if settings.oidc else None

    @property
    def has_provider(self) -> bool:
        """Whether people can sign in at a provider."""
        return self._provider is not None

    def with_key(self, request: Request, key: str) -> Identity:
        """Begin a session of a key. Raises Fault 401."""
        who = self.door.of_key(key.strip())
        if who is None:
            self.limits.failed(request.client.host if request.client else "-")
            raise Fault(401, "no such key, or it has ended")
        self._begin(request, who)
        return who

    async def leave_for_provider(self, request: Request, after: str) -> Response:
        """Send somebody to the provider. after: where to on this site when they are back. Raises Fault 404 without one, 503."""
        if self._provider is None:
            raise Fault(404, "there is no provider to sign in at")
        request.session.clear()
        request.session["after"] = local(after)
        try:
            answer: Response = await self._provider.authorize_redirect(request, self._return_url(request))
        except UNREACHED:
            raise Fault(503, SILENT, {"Retry-After": "30"}) from None
        return answer

    async def back_from_provider(self, request: Request) -> Response:
        """Take the provider's word, if it holds, and begin a session. Raises Fault 401, 403, 503."""
        if self._provider is None:
            raise Fault(404, "there is no provider to sign in at")
        after = local(request.session.get("after", "/"))
        client = request.client.host if request.client else "-"
        try:
            told = await self._provider.authorize_access_token(request)
        except UNREACHED:
            raise Fault(503, SILENT, {"Retry-After": "30"}) from None
        except (OAuthError, JoseError, KeyError, ValueError):
            self.limits.failed(client)
            raise Fault(401, "the provider's answer does not hold: sign in again") from None
        claims = told.get("userinfo") or {}
        assert self.settings.oidc is not None
        who = None
        if claims.get("email") and claims.get("email_verified") is True:
            # The ledger may have to be waited for, and everybody else not meanwhile.
            address, issuer = str(claims["email"]), self.settings.oidc.issuer
            who = await to_thread.run_sync(access.by_login, self.home, issuer, address)
        if who is None:
            self.limits.failed(client)
            raise Fault(403, "nobody has let this address in: ask your administrator")
        self._begin(request, who)
        return RedirectResponse(after, 303)

    def sign_out(self, request: Request) -> None:
        """End the session; a copy of its cookie opens nothing either. Raises LedgerRefused."""
        if (session_id := request.session.get("id")) and (who := request.state.who()):
            self.door.end_session(session_id, who, request.state.request_id)
        request.session.clear()

    def _begin(self, request: Request, who: Identity) -> None:
        request.session.clear()
        request.session.update({"access_id": who.access_id, "since": int(time.time()), "id": secrets.token_hex(16)})

    def _return_url(self, request: Request) -> str:
        return f"{self.settings.url or str(request.base_url).rstrip('/')}/sign-in/return"


def local(address: str) -> str:
    """An address of this site; the front page for any other."""
    parts = urlsplit(address)
    is_ours = not parts.scheme and not parts.netloc and address.startswith("/") and not address.startswith(("//", "/\\"))
    return address if is_ours else "/"


def _client(oidc: Oidc) -> Any:
    oauth = OAuth()
    return oauth.register(
        "provider", client_id=oidc.client_id, client_secret=oidc.client_secret,
        server_metadata_url=f"{oidc.issuer}/.well-known/openid-configuration",
        client_kwargs={"scope": "openid email", "code_challenge_method": "S256", "timeout": PROVIDER_SECONDS},
    )  # fmt: skip
