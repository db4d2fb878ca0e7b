"""What every request goes through: an id, who asks, limits, cross-site refusal, the trail, and the headers of every answer."""

import secrets
import time
from collections.abc import Callable
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from anyio import to_thread
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from delivery.service.faults import problem
from delivery.service.roles import Capability
from delivery.service.settings import MEGABYTE, Settings
from delivery.service.trail import Trail, event
from ledger import access
from ledger.access import Identity
from ledger.store import LedgerRefused

SAFE = ("GET", "HEAD", "OPTIONS")
HEADERS = {
    # Everything comes from this server; pictures also from data: (a chart), nothing is ever framed.
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; style-src 'self'; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}
HSTS = "max-age=31536000; includeSubDomains"
KNOWN_SECONDS = 2.0
"""For so long an access that was looked up is taken as it was: one that is ended lets nobody in after that."""
REQUEST_BYTES = MEGABYTE


class TooLarge(Exception):
    """A body that is longer than it may be."""


class Door:
    """Finds out who asks: a key, or the session of who has signed in. Remembers for a moment."""

    def __init__(self, home: Any) -> None:
        self._home = home
        self._known: dict[str, tuple[float, Identity | None]] = {}

    def of_key(self, key: str) -> Identity | None:
        """Whose key."""
        return self._kept(f"key {key}", lambda: access.by_key(self._home, key))

    def of_session(self, access_id: str) -> Identity | None:
        """Who signed in."""
        return self._kept(f"id {access_id}", lambda: access.by_id(self._home, access_id))

    def forget(self) -> None:
        """Look everybody up anew."""
        self._known.clear()

    def _kept(self, name: str, look: Callable[[], Identity | None]) -> Identity | None:
        known = self._known.get(name)
        if known is None or known[0] < time.monotonic():
            if len(self._known) > 10_000:
                self._known.clear()
            known = (time.monotonic() + KNOWN_SECONDS, look())
            self._known[name] = known
        return known[1]


class Limits:
    """How often somebody may ask, and how often somebody may be wrong about who they are."""

    def __init__(self, settings: Settings) -> None:
        self._window = MovingWindowRateLimiter(MemoryStorage())
        self._asked = RateLimitItemPerMinute(settings.requests_per_minute)
        self._failed = RateLimitItemPerMinute(settings.failures_per_minute)

    def may_ask(self, who: str) -> bool:
        """Counts a request; false when there were too many."""
        return self._window.hit(self._asked, "asked", who)

    def failed(self, client: str) -> None:
        """Counts a wrong key or a failed sign-in of a client's address."""
        self._window.hit(self._failed, "failed", client)

    def may_try(self, client: str) -> bool:
        """Whether a client may try again to say who they are."""
        return self._window.test(self._failed, "failed", client)


class Edge:
    """ASGI middleware. Inside the session's middleware, outside everything else."""

    def __init__(self, app: ASGIApp, settings: Settings, door: Door, limits: Limits, trail: Trail) -> None:
        self.app, self.settings, self.door, self.limits, self.trail = app, settings, door, limits, trail

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request; other scopes pass."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        passage = _Passage(self, scope, receive, send)
        if refusal := await to_thread.run_sync(passage.refusal):
            await refusal(scope, receive, passage.send)
            return
        try:
            await self.app(scope, passage.receive, passage.send)
        except TooLarge:
            answer = problem(passage.request, 413, f"at most {passage.most:,} bytes")
            await answer(scope, receive, passage.send)
        except LedgerRefused:
            # What cannot be written down is not shown.
            passage.state.capability = None
            answer = problem(passage.request, 503, "the ledger cannot be reached", {"Retry-After": "10"})
            await answer(scope, receive, passage.send)


class _Passage:
    """One request on its way through."""

    def __init__(self, edge: Edge, scope: Scope, receive: Receive, send: Send) -> None:
        self.edge, self.scope, self._receive, self._send = edge, scope, receive, send
        self.headers = Headers(scope=scope)
        self.request = Request(scope)
        self.state = self.request.state
        self.state.request_id = secrets.token_hex(8)
        self.state.capability, self.state.about, self.state.rows = None, None, None
        self.state.who = lambda: self.who
        self.client = scope["client"][0] if scope.get("client") else "-"
        is_upload = self.headers.get("content-type", "").startswith("multipart/form-data")
        self.most = edge.settings.upload_bytes + MEGABYTE if is_upload else REQUEST_BYTES
        self.read = 0

    @cached_property
    def who(self) -> Identity | None:
        """Who asks."""
        kind, _, key = self.headers.get("authorization", "").partition(" ")
        if kind:
            return self.edge.door.of_key(key.strip()) if kind.lower() == "bearer" else None
        access_id = self.scope.get("session", {}).get("access_id")
        return self.edge.door.of_session(access_id) if access_id else None

    def refusal(self) -> Any:
        """The answer to a request that goes no further."""
        request = self.request
        if int(self.headers.get("content-length") or 0) > self.most:
            return problem(request, 413, f"at most {self.most:,} bytes")
        if self.scope["method"] not in SAFE and "authorization" not in self.headers and not self._is_own():
            return problem(request, 403, "the request comes from another site")
        proves = "authorization" in self.headers or self.scope["path"] in SIGN_IN
        if proves and not self.edge.limits.may_try(self.client):
            return problem(request, 429, "too many failed attempts: wait a minute", {"Retry-After": "60"})
        try:
            if "authorization" in self.headers and self.who is None:
                self.edge.limits.failed(self.client)
                return problem(request, 401, "no such key, or it has ended", {"WWW-Authenticate": "Bearer"})
            name = self.who.access_id if self.who else self.client
        except LedgerRefused:
            return problem(request, 503, "the ledger cannot be reached", {"Retry-After": "10"})
        if not self.edge.limits.may_ask(name):
            return problem(request, 429, "too many requests: wait a little", {"Retry-After": "10"})
        return None

    def _is_own(self) -> bool:
        """Whether a browser says that a page of ours sent this (Fetch metadata; Origin where there is none)."""
        site = self.headers.get("sec-fetch-site")
        if site is not None:
            return site in ("same-origin", "none")
        told = self.headers.get("origin") or ""
        ours = self.edge.settings.url or f"{self.scope['scheme']}://{self.headers.get('host', '')}"
        return bool(told) and urlsplit(told)[:2] == urlsplit(ours)[:2]

    async def receive(self) -> Message:
        """Count what comes in, whatever the header said."""
        message = await self._receive()
        self.read += len(message.get("body", b""))
        if self.read > self.most:
            raise TooLarge
        return message

    async def send(self, message: Message) -> None:
        """Write the trail, then let the answer go with its headers."""
        if message["type"] == "http.response.start":
            capability: Capability | None = self.state.capability
            status = message["status"]
            if capability and capability.trail != "no":
                who = self.who
                told = event(who, self.state.request_id, self._action(), status, self.state.about, self.state.rows)
                if capability.trail == "before":
                    await to_thread.run_sync(self.edge.trail.now, told)
                else:
                    self.edge.trail.soon(told)
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            if self.edge.settings.is_https:
                headers["Strict-Transport-Security"] = HSTS
            headers["X-Request-Id"] = self.state.request_id
        await self._send(message)

    def _action(self) -> str:
        route = self.scope.get("route")
        return f"{self.scope['method']} {getattr(route, 'path', '-')}"


SIGN_IN = ("/sign-in", "/sign-in/return")
"""Where people prove who they are."""
