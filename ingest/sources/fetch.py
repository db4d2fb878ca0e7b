"""Fetch one small reference file over HTTP, patiently and bounded. Large registers have loaders of their own."""

from __future__ import annotations

from pathlib import Path

import httpx2
import stamina

from base.files import atomic_file
from ingest.lake import LandingRefused
from ingest.sources.linefile import MAX_BYTES

TRANSIENT = {408, 425, 429, 500, 502, 503, 504}


class _TryAgain(Exception):
    """A transient answer."""


def is_url(origin: str | Path) -> bool:
    """True for http and https addresses."""
    return str(origin).startswith(("http://", "https://"))


def fetch(url: str, target: Path, timeout: float = 60.0, attempts: int = 4) -> Path:
    """Write the body at `url` to `target` (whole or not at all). Timeout in seconds per read.

    Retries broken connections and transient status codes with growing pauses; raises LandingRefused with one line
    when that does not help.
    A complete answer is no proof of a complete body: the parsers refuse what is cut.
    """
    try:
        for attempt in stamina.retry_context(
            on=(httpx2.TransportError, _TryAgain), attempts=attempts, wait_initial=0.5, wait_max=10.0
        ):
            with attempt:
                body = _get(url, timeout)
    except (httpx2.HTTPError, _TryAgain) as error:
        raise LandingRefused(
            "unreachable", f"{url}: {error or type(error).__name__}, gave up after {attempts} attempts"
        ) from error
    with atomic_file(target) as temporary:
        temporary.write_bytes(body)
    return target


def _get(url: str, timeout: float) -> bytes:
    body = bytearray()
    with httpx2.stream("GET", url, timeout=timeout, follow_redirects=True) as answer:
        if answer.status_code in TRANSIENT:
            raise _TryAgain(f"HTTP {answer.status_code}")
        if answer.status_code in (404, 410):
            raise LandingRefused("not_there", f"{url}: HTTP {answer.status_code}, no such file")
        if answer.status_code != 200:
            raise LandingRefused("unreachable", f"{url}: HTTP {answer.status_code}")
        for chunk in answer.iter_bytes():
            body += chunk
            if len(body) > MAX_BYTES:
                raise LandingRefused("too_large", f"{url}: more than {MAX_BYTES:,} bytes, this is no reference file")
    return bytes(body)
