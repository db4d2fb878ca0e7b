"""Fetching from registries over HTTP: polite, bounded, and sure that what arrived is whole.

httpx2 does the protocol and stamina the retries. What they cannot know is added here: a complete 200 is no proof of a
complete body (no client notices a body cut off when no length was declared), a Retry-After is obeyed, nothing is followed
to another place, and every fetch has a limit in bytes and in seconds.
"""

import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import httpx2
import stamina

from base.files import atomic_file
from ingest.lake import LandingRefused, Progress, quiet

RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})
T = TypeVar("T")


class Retryable(Exception):
    """A passing fault: worth another try, after `wait` seconds if the server named a time."""

    def __init__(self, message: str, wait: float | None = None) -> None:
        super().__init__(message)
        self.wait = wait


class Registry:
    """A client of one registry: one connection, at most `requests_per_minute`, bounded retries.

    limits: the `http` part of a source's fact sheet: requests_per_minute, attempts, retry_seconds (all tries together),
    retry_after_cap_seconds (a longer Retry-After ends the run), deadline_seconds and max_bytes (one answer).
    """

    def __init__(self, base_url: str, limits: Mapping[str, float]) -> None:
        self.base_url = base_url.rstrip("/")
        self.limits = {
            "requests_per_minute": 60.0,
            "attempts": 6,
            "retry_seconds": 600.0,
            "retry_after_cap_seconds": 900.0,
            "deadline_seconds": 3600.0,
            "max_bytes": 2e9,
            "read_timeout_seconds": 60.0,
        } | dict(limits)
        self._next_request = 0.0
        # Identity: bytes are counted, checked and archived as sent; HTTP/1.1 by httpx2's default; redirects are not followed.
        self._client = httpx2.Client(
            headers={"User-Agent": f"kohde/{version('kohde')}", "Accept-Encoding": "identity"},
            timeout=httpx2.Timeout(self.limits["read_timeout_seconds"], connect=10.0),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._client.close()

    def get(
        self, path: str, parameters: Mapping[str, str | int] | None = None, check: Callable[[bytes], None] | None = None
    ) -> bytes:
        """A small answer, whole. `check` raises Retryable when the content shows that it is not; that is tried again too.

        Raises LandingRefused naming the fault when it does not pass.
        """

        def once() -> bytes:
            with self._stream(path, parameters) as body:
                content = b"".join(body)
            if check:
                check(content)
            return content

        return self._retrying(path, once)

    def download(
        self, path: str, target: Path, progress: Progress = quiet, check: Callable[[Path], None] | None = None
    ) -> Path:
        """A large answer into `target`, which appears only when the answer is whole. `check` judges the finished file."""

        def once() -> Path:
            with atomic_file(target) as temporary:
                with self._stream(path, None) as body, temporary.open("wb") as file:
                    done = 0
                    for piece in body:
                        file.write(piece)
                        progress(f"fetching {path}", done := done + len(piece), None)
                if check:
                    check(temporary)
            return target

        return self._retrying(path, once)

    def _retrying(self, path: str, once: Callable[[], T]) -> T:
        def worth_another_try(error: Exception) -> bool | float:
            if isinstance(error, Retryable):
                return True if error.wait is None else max(error.wait, 0.001)
            return isinstance(error, httpx2.TransportError)

        try:
            for attempt in stamina.retry_context(
                on=worth_another_try,
                attempts=int(self.limits["attempts"]),
                timeout=self.limits["retry_seconds"],
                wait_initial=min(1.0, self.limits["retry_seconds"] / 100),
                wait_max=min(60.0, self.limits["retry_seconds"] / 4),
                wait_jitter=min(1.0, self.limits["retry_seconds"] / 100),
            ):
                with attempt:
                    return once()
        except (Retryable, httpx2.TransportError) as error:
            raise LandingRefused("unreachable", f"{self.base_url}/{path}: {type(error).__name__} {error}") from None
        raise AssertionError("unreachable")

    @contextmanager
    def _stream(self, path: str, parameters: Mapping[str, str | int] | None) -> Iterator[Iterator[bytes]]:
        self._wait_for_turn()
        started = time.monotonic()
        with self._client.stream("GET", f"{self.base_url}/{path}", params=dict(parameters or {})) as answer:
            self._judge_status(path, answer)
            yield self._bounded(path, answer, started)

    def _wait_for_turn(self) -> None:
        now = time.monotonic()
        time.sleep(max(0.0, self._next_request - now))
        self._next_request = max(now, self._next_request) + 60.0 / self.limits["requests_per_minute"]

    def _judge_status(self, path: str, answer: httpx2.Response) -> None:
        status = answer.status_code
        if status in RETRIED:
            wait = retry_after(answer.headers.get("Retry-After"))
            if wait is not None and wait > self.limits["retry_after_cap_seconds"]:
                raise LandingRefused("retry_later", f"{path}: the registry asks to come back in {wait:.0f} seconds")
            raise Retryable(f"status {status}", wait)
        if 300 <= status < 400 and status != 304:
            raise LandingRefused("redirect_policy", f"{path} redirects to another place; set the source's url if it has moved")
        if status != 200:
            raise LandingRefused(f"status_{status}", f"{path} answered with status {status}")

    def _bounded(self, path: str, answer: httpx2.Response, started: float) -> Iterator[bytes]:
        encoding = answer.headers.get("Content-Encoding", "identity")
        if encoding not in ("identity", "gzip"):
            raise LandingRefused("content_encoding", f"{path} came in {encoding}, which was not asked for")
        decoder = zlib.decompressobj(16 + zlib.MAX_WBITS) if encoding == "gzip" else None
        received = 0
        # As received, not in pieces of a size: a body that trickles would fill none before the deadline.
        for piece in answer.iter_raw():
            if time.monotonic() - started > self.limits["deadline_seconds"]:
                raise LandingRefused("deadline", f"{path} took longer than {self.limits['deadline_seconds']:.0f} seconds")
            if decoder:
                try:
                    piece = decoder.decompress(piece, int(self.limits["max_bytes"]))
                except zlib.error as error:
                    raise Retryable(f"gzip_damaged ({error})") from None
            received += len(piece)
            if received > self.limits["max_bytes"]:
                raise LandingRefused("max_bytes", f"{path} is longer than {self.limits['max_bytes']:.0f} bytes")
            yield piece
        if decoder and (not decoder.eof or decoder.unused_data):
            raise Retryable("gzip_incomplete")
        if not received:
            raise Retryable("empty_body")


def retry_after(header: str | None, now: datetime | None = None) -> float | None:
    """Seconds to wait by a Retry-After header (RFC 9110 10.2.3): a number or a date; past or negative is 0, nonsense None."""
    if header is None:
        return None
    try:
        return max(0.0, float(int(header)))
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(header)
    except (TypeError, ValueError):
        return None
    return max(0.0, (moment - (now or datetime.now(UTC))).total_seconds())
