"""What every request goes through: an id, who asks, limits, cross-site refusal, the trail, and the headers of every answer."""

import hashlib
import ipaddress
import logging
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from anyio import CapacityLimiter, fail_after, to_thread
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from delivery.service.faults import problem, where
from delivery.service.roles import STRANGER, Capability
from delivery.service.settings import MEGABYTE, Settings
from delivery.service.trail import Trail, event
from ledger import access, audit
from ledger.access import Identity
from ledger.store import LedgerRefused

SAFE = ("GET", "HEAD", "OPTIONS")
SIGNED_OUT = "POST /sign-out"
SIGN_IN = ("/sign-in", "/sign-in/return")
"""Where people prove who they are."""
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
KNOWN = 10_000
REQUEST_BYTES = MEGABYTE
BODY_SECONDS, UPLOAD_SECONDS = 30, 600
"""Within which a body has to be there: who sends a byte a minute holds nothing of ours for hours."""
AT_ONCE, UPLOADS_AT_ONCE = 32, 2
"""Requests of one access, and uploads among them, that are in the house at the same time."""
EDGE_THREADS = 16
"""Threads of the edge's own: whatever the routes wait for, who asks is found out and the trail is written."""

_log = logging.getLogger(__name__)


class TooLarge(Exception):
    """A body that is longer than it may be."""


class TooSlow(Exception):
    """A body that does not come."""


class Door:
    """Finds out who asks: a key, or the session of who has signed in. Remembers for a moment, and no key as it is.

    Sessions that were signed out of stand in the trail, so that another process knows of them too.
    """

    def __init__(self, home: Path, settings: Settings) -> None:
        self._home, self._lasts = home, settings.session_hours * 3600
        self._known: dict[str, tuple[float, Identity]] = {}
        self._let_in: set[str] = set()
        self._over: dict[str, float] | None = None

    def of_key(self, key: str) -> Identity | None:
        """Whose key."""
        if access.id_of(key) is None:
            return None
        name = _name(key)
        found = self._kept(name, lambda: access.by_key(self._home, key))
        if found is not None:
            if len(self._let_in) > KNOWN:
                self._let_in.clear()
            self._let_in.add(name)
        return found

    def of_session(self, access_id: str) -> Identity | None:
        """Who signed in."""
        return self._kept(f"id {access_id}", lambda: access.by_id(self._home, access_id))

    def has_let_in(self, key: str) -> bool:
        """Whether a key has been right before: it goes on working while others at its address guess."""
        return _name(key) in self._let_in

    def end_session(self, session_id: str, who: Identity, request_id: str) -> None:
        """Let nobody in by a session whose owner has signed out. Raises LedgerRefused."""
        audit.write(self._home, [event(who, request_id, SIGNED_OUT, 303, session_id)])
        self._ended()[session_id] = time.time() + self._lasts

    def is_over(self, session_id: str | None) -> bool:
        """Whether its owner has signed out. Raises LedgerRefused."""
        return session_id in self._ended()

    def _ended(self) -> dict[str, float]:
        """Session -> when (seconds of the clock) it would have ended by itself."""
        now = time.time()
        if self._over is None:
            since = datetime.fromtimestamp(now - self._lasts, UTC).replace(tzinfo=None)
            told = audit.about_since(self._home, SIGNED_OUT, since)
            self._over = {known: at.replace(tzinfo=UTC).timestamp() + self._lasts for known, at in told.items()}
        elif any(end <= now for end in self._over.values()):
            self._over = {known: end for known, end in self._over.items() if end > now}
        return self._over

    def forget(self) -> None:
        """Look everybody up anew."""
        self._known.clear()

    def _kept(self, name: str, look: Callable[[], Identity | None]) -> Identity | None:
        known = self._known.get(name)
        if known is not None and known[0] >= time.monotonic():
            return known[1]
        found = look()
        if found is None:
            self._known.pop(name, None)
        else:
            if len(self._known) > KNOWN:
                self._known.clear()
            self._known[name] = (time.monotonic() + KNOWN_SECONDS, found)
        return found


class Limits:
    """How often somebody may ask, how many things at once, and how often somebody may be wrong about who they are."""

    def __init__(self, settings: Settings) -> None:
        self._window = MovingWindowRateLimiter(MemoryStorage())
        self._asked = RateLimitItemPerMinute(settings.requests_per_minute)
        self._failed = RateLimitItemPerMinute(settings.failures_per_minute)
        self._inside: Counter[tuple[str, str]] = Counter()
        self._counting = threading.Lock()

    def may_ask(self, who: str) -> bool:
        """Counts a request; false when there were too many."""
        return self._window.hit(self._asked, "asked", who)

    def failed(self, client: str) -> None:
        """Counts a wrong key or a failed sign-in of a client's address."""
        self._window.hit(self._failed, "failed", network(client))

    def may_try(self, client: str) -> bool:
        """Whether a client may try again to say who they are."""
        return self._window.test(self._failed, "failed", network(client))

    def enter(self, who: str, what: str, most: int) -> bool:
        """Counts somebody in, unless as many of theirs are inside already."""
        with self._counting:
            if self._inside[who, what] >= most:
                return False
            self._inside[who, what] += 1
            return True

    def leave(self, who: str, what: str) -> None:
        """Counts somebody out again."""
        with self._counting:
            self._inside[who, what] -= 1
            if not self._inside[who, what]:
                del self._inside[who, what]


class Edge:
    """ASGI middleware. Inside the session's middleware, outside everything else."""

    def __init__(self, app: ASGIApp, settings: Settings, door: Door, limits: Limits, trail: Trail) -> None:
        self.app, self.settings, self.door, self.limits, self.trail = app, settings, door, limits, trail
        self.threads = CapacityLimiter(EDGE_THREADS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request; other scopes pass."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        passage = _Passage(self, scope, receive, send)
        try:
            refusal = await to_thread.run_sync(passage.refusal, limiter=self.threads)
            if refusal:
                await refusal(scope, receive, passage.send)
            else:
                await self.app(scope, passage.receive, passage.send)
        except Exception as error:
            # Neither its text nor its trace is written anywhere: they may hold a value of somebody's.
            answer = passage.answer_to(error)
            if not passage.has_begun:
                await answer(scope, receive, passage.send)
        finally:
            passage.leave()


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
        self.is_upload = self.headers.get("content-type", "").lower().startswith("multipart/form-data")
        self.most = edge.settings.upload_bytes + MEGABYTE if self.is_upload else REQUEST_BYTES
        self.until = time.monotonic() + (UPLOAD_SECONDS if self.is_upload else BODY_SECONDS)
        self.read, self.is_read, self.has_begun = 0, False, False
        self._who: Identity | None = None
        self._is_known = False
        self.stopped: TooLarge | TooSlow | LedgerRefused | None = None
        self.entered: list[tuple[str, str]] = []

    @property
    def who(self) -> Identity | None:
        """Who asks, found out once. No cached_property: Python 3.11 makes every request wait there for the others' look-ups."""
        if not self._is_known:
            self._who, self._is_known = self._found(), True
        return self._who

    def _found(self) -> Identity | None:
        """A header, even an empty one, counts and not the session: only a browser sends that by itself."""
        if "authorization" in self.headers:
            kind, _, key = self.headers["authorization"].partition(" ")
            return self.edge.door.of_key(key.strip()) if kind.lower() == "bearer" else None
        session = self.scope.get("session", {})
        began = session.get("since", 0)
        door, is_late = self.edge.door, began + self.edge.settings.session_hours * 3600 < time.time()
        if session.get("access_id") is None or is_late or door.is_over(session.get("id")):
            return None
        return door.of_session(session["access_id"])

    def refusal(self) -> Any:
        """The answer to a request that goes no further."""
        request, limits = self.request, self.edge.limits
        told = self.headers.get("content-length", "0")
        if not (told.isascii() and told.isdigit()):
            return problem(request, 400, "Content-Length is a number")
        if len(told) > 12 or int(told) > self.most:
            return problem(request, 413, f"at most {self.most:,} bytes")
        if self.scope["method"] not in SAFE and "authorization" not in self.headers and not self._is_own():
            return problem(request, 403, "the request comes from another site")
        key = self.headers.get("authorization", "").partition(" ")[2].strip()
        proves = "authorization" in self.headers or self.scope["path"] in SIGN_IN
        if proves and not limits.may_try(self.client) and not self.edge.door.has_let_in(key):
            return problem(request, 429, "too many failed attempts: wait a minute", {"Retry-After": "60"})
        if "authorization" in self.headers and self.who is None:
            limits.failed(self.client)
            return problem(request, 401, "no such key, or it has ended", {"WWW-Authenticate": "Bearer"})
        name = self.who.access_id if self.who else network(self.client)
        if not limits.may_ask(name):
            return problem(request, 429, "too many requests: wait a little", {"Retry-After": "10"})
        if self.who is None and self.scope["method"] not in SAFE and self.scope["path"] not in SIGN_IN:
            # Before its body is read: strangers send us nothing but their key.
            return problem(request, 401, STRANGER, {"WWW-Authenticate": "Bearer"})
        for what, most in (("upload", UPLOADS_AT_ONCE), ("request", AT_ONCE))[0 if self.is_upload else 1 :]:
            if not limits.enter(name, what, most):
                return problem(request, 429, f"{most} at once are enough: wait for them", {"Retry-After": "5"})
            self.entered.append((name, what))
        return None

    def leave(self) -> None:
        """The request is over."""
        for one in self.entered:
            self.edge.limits.leave(*one)

    def answer_to(self, error: Exception) -> Any:
        """What is answered when something was raised. Of what is ours the kind and the place are logged."""
        cause = self.stopped or error
        self.stopped = None
        closing = {"Connection": "close"}
        if isinstance(cause, TooLarge):
            return problem(self.request, 413, f"at most {self.most:,} bytes", closing)
        if isinstance(cause, TooSlow):
            return problem(self.request, 408, "the rest of the request did not come", closing)
        if isinstance(cause, LedgerRefused):
            # What cannot be written down is not shown.
            self.state.capability = None
            return problem(self.request, 503, "the ledger cannot be reached", {"Retry-After": "10"})
        _log.error("request %s: a fault of ours, %s", self.state.request_id, where(error))
        return problem(self.request, 500, "a fault of ours; tell its operator the request id")

    def _is_own(self) -> bool:
        """Whether a browser says that a page of ours sent this (Fetch metadata; Origin where there is none)."""
        site = self.headers.get("sec-fetch-site")
        if site is not None:
            return site in ("same-origin", "none")
        told = self.headers.get("origin") or ""
        ours = self.edge.settings.url or f"{self.scope['scheme']}://{self.headers.get('host', '')}"
        try:
            return bool(told) and urlsplit(told)[:2] == urlsplit(ours)[:2]
        except ValueError:
            return False

    async def receive(self) -> Message:
        """Count what comes in, whatever the header said, and wait for it no longer than is fair."""
        if self.is_read:
            return await self._receive()
        try:
            with fail_after(max(0.0, self.until - time.monotonic())):
                message = await self._receive()
        except TimeoutError:
            self.stopped = TooSlow()
            raise self.stopped from None
        self.read += len(message.get("body", b""))
        if self.read > self.most:
            self.stopped = TooLarge()
            raise self.stopped
        self.is_read = not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        """Write the trail, then let the answer go with its headers."""
        if message["type"] == "http.response.start":
            if self.stopped:
                # Whatever the inside made of it.
                raise self.stopped
            await self._write_down(message["status"])
            self.has_begun = True
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            if self.edge.settings.is_https:
                headers["Strict-Transport-Security"] = HSTS
            headers["X-Request-Id"] = self.state.request_id
        await self._send(message)

    async def _write_down(self, status: int) -> None:
        """What somebody has asked for. Who is nobody was shown nothing, and fills no ledger."""
        capability: Capability | None = self.state.capability
        if capability is None or capability.trail == "no" or self.who is None:
            return
        told = event(self.who, self.state.request_id, self._action(), status, self.state.about, self.state.rows)
        try:
            if capability.trail == "before":
                await to_thread.run_sync(self.edge.trail.now, told, limiter=self.edge.threads)
            else:
                self.edge.trail.soon(told)
        except LedgerRefused as refused:
            self.stopped = refused
            raise

    def _action(self) -> str:
        """Method and path, with the names of what stands in it instead of the values."""
        path = self.scope["path"]
        for name, value in self.scope.get("path_params", {}).items():
            path = path.replace(f"/{value}", f"/{{{name}}}", 1)
        return f"{self.scope['method']} {path}"


def network(client: str) -> str:
    """Whose address counts as one: IPv6 gives everybody 2^64 of them."""
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return client
    return str(ipaddress.ip_network((address, 64), strict=False)) if address.version == 6 else client


def _name(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
