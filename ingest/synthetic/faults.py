"""The ways the registry server misbehaves on request, each as seen at real services (RELIABILITY.md 2).

A fault is a function of an Exchange (one request and the means to answer it byte by byte) and of its options. It answers the
request itself; what it leaves out is left out on the wire. Faults are looked up by name; `FAULTS` is the catalogue.
"""

import gzip
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from fnmatch import fnmatchcase
from typing import Any, Protocol

Options = Mapping[str, Any]

MAINTENANCE = b"""<!DOCTYPE html>
<html lang="fi"><head><title>Huoltokatko</title></head>
<body><h1>Huoltokatko</h1><p>Palvelu ei ole juuri nyt k\xc3\xa4ytett\xc3\xa4viss\xc3\xa4.</p></body></html>
"""


class Exchange(Protocol):
    """What a fault can do with one request."""

    path: str
    """The full path of the request, with its query."""

    def answer(self, **query: str) -> "Answer":
        """The honest answer; `query` replaces parameters of the request."""

    def head(self, status: int, headers: Mapping[str, str]) -> None:
        """Send a status line and exactly these headers, and close the connection after this exchange."""

    def write(self, data: bytes | memoryview) -> None:
        """Send bytes of the body as they are."""

    def reset(self) -> None:
        """Break the connection with a TCP reset."""

    def pause(self, seconds: float) -> None:
        """Wait, but not beyond the server's end; raises ConnectionError when the server stops."""


@dataclass(frozen=True)
class Answer:
    """An answer as the service means it."""

    status: int
    headers: Mapping[str, str]
    body: bytes | memoryview


Fault = Callable[[Exchange, Options], None]
FAULTS: dict[str, Fault] = {}


def _fault(name: str) -> Callable[[Fault], Fault]:
    def register(function: Fault) -> Fault:
        FAULTS[name] = function
        return function

    return register


def _send(exchange: Exchange, status: int, content_type: str, body: bytes, **headers: str) -> None:
    exchange.head(status, {"Content-Type": content_type, "Content-Length": str(len(body))} | headers)
    exchange.write(body)


def _share(answer: Answer, options: Options) -> bytes | memoryview:
    """The first `share` (0-1, by default half) of the body, at least one byte short of the whole."""
    return answer.body[: min(int(len(answer.body) * float(options.get("share", 0.5))), len(answer.body) - 1)]


def _without_length(answer: Answer) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name != "Content-Length"}


@_fault("429")
def too_many(exchange: Exchange, options: Options) -> None:
    """Too many requests, as text. retry_after: seconds, "date+N" (an HTTP date N seconds ahead), any text, or null for none."""
    wait = options.get("retry_after", "1")
    if wait is not None and str(wait).startswith("date"):
        moment = datetime.now(UTC) + timedelta(seconds=float(str(wait).removeprefix("date")))
        wait = format_datetime(moment.replace(microsecond=0), usegmt=True)
    headers = {} if wait is None else {"Retry-After": str(wait)}
    _send(exchange, 429, "text/plain;charset=UTF-8", b"Too many requests", **headers)


def error_body(status: int, message: str) -> bytes:
    """PRH's JSON error."""
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
    return f'{{"timestamp":"{now}","message":"{message}","errorcode":{status}}}'.encode()


@_fault("500")
def server_error(exchange: Exchange, options: Options) -> None:
    """Internal error, as JSON."""
    _send(exchange, 500, "application/json", error_body(500, "Internal server error"))


@_fault("503")
def unavailable(exchange: Exchange, options: Options) -> None:
    """Unavailable, as JSON. retry_after as for 429."""
    headers = {"Retry-After": str(options["retry_after"])} if "retry_after" in options else {}
    _send(exchange, 503, "application/json", error_body(503, "Service unavailable"), **headers)


@_fault("status")
def any_status(exchange: Exchange, options: Options) -> None:
    """Any other status (option status), with a JSON error."""
    status = int(options["status"])
    _send(exchange, status, "application/json", error_body(status, "As requested"))


@_fault("cut")
def cut(exchange: Exchange, options: Options) -> None:
    """The body ends early although Content-Length promised all of it. share: how much is sent."""
    answer = exchange.answer()
    exchange.head(200, answer.headers)
    exchange.write(_share(answer, options))


@_fault("cut-no-length")
def cut_without_length(exchange: Exchange, options: Options) -> None:
    """The body ends early and nothing on the wire tells: no length, the connection just closes."""
    answer = exchange.answer()
    exchange.head(200, _without_length(answer))
    exchange.write(_share(answer, options))


@_fault("cut-chunked")
def cut_chunked(exchange: Exchange, options: Options) -> None:
    """A chunked body whose last chunk never comes."""
    answer = exchange.answer()
    exchange.head(200, _without_length(answer) | {"Transfer-Encoding": "chunked"})
    part = _share(answer, options)
    exchange.write(f"{len(part):x}\r\n".encode())
    exchange.write(part)
    exchange.write(b"\r\n")


@_fault("half")
def half(exchange: Exchange, options: Options) -> None:
    """Half a body with a length that agrees with it: half a zip, or a JSON page that breaks off."""
    answer = exchange.answer()
    part = _share(answer, options)
    exchange.head(200, {**answer.headers, "Content-Length": str(len(part))})
    exchange.write(part)


@_fault("gzip-cut")
def gzip_cut(exchange: Exchange, options: Options) -> None:
    """Half of a gzip-encoded body, its length in agreement: clients take the decoded half for the whole."""
    answer = exchange.answer()
    packed = gzip.compress(answer.body, compresslevel=1, mtime=0)
    part = packed[: int(len(packed) * float(options.get("share", 0.5)))]
    exchange.head(200, {**answer.headers, "Content-Encoding": "gzip", "Content-Length": str(len(part))})
    exchange.write(part)


@_fault("short-length")
def short_length(exchange: Exchange, options: Options) -> None:
    """Content-Length is smaller than the body that follows: clients read the first part and are content."""
    answer = exchange.answer()
    exchange.head(200, {**answer.headers, "Content-Length": str(len(_share(answer, options)))})
    exchange.write(answer.body)


@_fault("html")
def html(exchange: Exchange, options: Options) -> None:
    """A maintenance page with status 200. content_type: to lie about it."""
    _send(exchange, 200, str(options.get("content_type", "text/html; charset=utf-8")), MAINTENANCE)


@_fault("empty")
def empty(exchange: Exchange, options: Options) -> None:
    """Status 200 and no byte."""
    exchange.head(200, {**exchange.answer().headers, "Content-Length": "0"})


@_fault("204")
def no_content(exchange: Exchange, options: Options) -> None:
    """No content."""
    exchange.head(204, {})


@_fault("206")
def partial_content(exchange: Exchange, options: Options) -> None:
    """A part nobody asked for."""
    answer = exchange.answer()
    part = _share(answer, options)
    content_range = f"bytes 0-{len(part) - 1}/{len(answer.body)}"
    exchange.head(206, {**answer.headers, "Content-Length": str(len(part)), "Content-Range": content_range})
    exchange.write(part)


@_fault("304")
def not_modified(exchange: Exchange, options: Options) -> None:
    """Not modified, whatever the client has."""
    exchange.head(304, {})


@_fault("slow")
def slow(exchange: Exchange, options: Options) -> None:
    """The right body, `bytes` (1024) every `seconds` (0.1)."""
    answer = exchange.answer()
    exchange.head(200, answer.headers)
    step = int(options.get("bytes", 1024))
    for start in range(0, len(answer.body), step):
        exchange.write(answer.body[start : start + step])
        exchange.pause(float(options.get("seconds", 0.1)))


@_fault("slow-loris")
def slow_loris(exchange: Exchange, options: Options) -> None:
    """One byte every `seconds` (0.5), for ever: no read ever times out, no body ever ends."""
    exchange.head(200, _without_length(exchange.answer()))
    while True:
        exchange.write(b" ")
        exchange.pause(float(options.get("seconds", 0.5)))


@_fault("endless")
def endless(exchange: Exchange, options: Options) -> None:
    """The right body, then blanks without end as fast as the client takes them."""
    answer = exchange.answer()
    exchange.head(200, _without_length(answer))
    exchange.write(answer.body)
    while True:
        exchange.write(b" " * 65536)
        exchange.pause(0)


@_fault("redirect")
def redirect(exchange: Exchange, options: Options) -> None:
    """To another host. location: where to (by default a host that does not exist)."""
    location = str(options.get("location", "http://registry.invalid" + exchange.path))
    _send(exchange, 302, "text/plain", b"", Location=location)


@_fault("redirect-loop")
def redirect_loop(exchange: Exchange, options: Options) -> None:
    """To itself."""
    _send(exchange, 302, "text/plain", b"", Location=exchange.path)


@_fault("reset")
def reset(exchange: Exchange, options: Options) -> None:
    """The connection breaks after the headers."""
    exchange.head(200, exchange.answer().headers)
    exchange.reset()


@_fault("same-page")
def same_page(exchange: Exchange, options: Options) -> None:
    """Whatever page is asked for, the same one comes (option page, 1)."""
    answer = exchange.answer(page=str(options.get("page", 1)))
    exchange.head(answer.status, answer.headers)
    exchange.write(answer.body)


@_fault("moving-total")
def moving_total(exchange: Exchange, options: Options) -> None:
    """totalResults is `by` (1) higher than it should be, as when companies appear while one pages."""
    answer = exchange.answer()
    head, _, rest = bytes(answer.body).partition(b",")
    total = int(head.rpartition(b":")[2]) + int(options.get("by", 1))
    body = b'{"totalResults":%d,' % total + rest
    exchange.head(200, {**answer.headers, "Content-Length": str(len(body))})
    exchange.write(body)


@dataclass
class Rule:
    """Answer requests to `path` (a pattern, * for all) with `fault`: the first `after` honestly, then `times` (None: all)."""

    path: str
    fault: str
    times: int | None = 1
    after: int = 0
    options: Options = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.fault not in FAULTS:
            raise ValueError(f"no fault {self.fault!r}; there are: {', '.join(sorted(FAULTS))}")


class Rules:
    """The faults in force, in the order they were added; the first that matches a request and is not used up answers it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[Rule] = []

    def add(self, path: str, fault: str, times: int | None = 1, after: int = 0, **options: Any) -> None:
        """Add a rule; `path` as under the base (`/all_companies`) or a pattern. Raises ValueError on an unknown fault."""
        with self._lock:
            self._rules.append(Rule(path, fault, times, after, options))

    def parse(self, text: str) -> None:
        """Add a rule from PATH=FAULT[*TIMES], such as `/all_companies=503*2`; TIMES 0 means for ever."""
        path, found, rest = text.partition("=")
        fault, _, times = rest.partition("*")
        if not found or not (times or "1").isdecimal():
            raise ValueError(f"{text!r} is not PATH=FAULT[*TIMES]")
        self.add(path, fault, int(times or 1) or None)

    def clear(self) -> None:
        """Behave again."""
        with self._lock:
            self._rules.clear()

    def take(self, path: str) -> Rule | None:
        """The rule that answers this request, if any; counts it."""
        with self._lock:
            for rule in self._rules:
                if not fnmatchcase(path, rule.path) or rule.times == 0:
                    continue
                if rule.after:
                    rule.after -= 1
                    continue
                if rule.times is not None:
                    rule.times -= 1
                return rule
        return None
