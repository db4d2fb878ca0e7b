"""A registry server on this machine that serves a generated folder as the real registers do, and misbehaves on request.

YTJ lies under /opendata-ytj-api/v3: all_companies, companies, description, post_codes; public bodies under /api/v11 and
registered notices under /opendata-registerednotices-api/v3 (services.py). What goes wrong is in faults.py and is switched on
from Python (`server.faults.add("/all_companies", "503", times=2)`; paths of the other services with their base) or over HTTP:

    POST /_control/faults {"path": "/companies", "fault": "429", "times": 1, "after": 3, "options": {"retry_after": "2"}}
    DELETE /_control/faults
    POST /_control/day {"day": "2026-01-03"}
    GET /_control/requests

The standard library's server is used because faults need the bytes on the wire, which a framework keeps to itself. It is for
tests and demonstrations, and listens on this machine only.
"""

import json
import mmap
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import date
from email.utils import formatdate
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from ingest.synthetic.faults import FAULTS, Answer, Rules, error_body
from ingest.synthetic.search import BadQuery, SearchIndex
from ingest.synthetic.services import NOTICES_BASE, PTV_BASE, NoticeService, PtvService, json_answer

BASE = "/opendata-ytj-api/v3"
CONTROL = "/_control/"
PIECE = 1 << 16


@dataclass(frozen=True)
class Request:
    """One request as it came in: what a test of politeness looks at."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    at: float
    """Seconds on the monotonic clock."""
    client_port: int
    """Tells connections apart."""


class RegistryServer:
    """Serves the folder that `generate` wrote. Use as a context manager, or start() and stop().

    day: the day served, by default the last one in the folder; set `.day` to switch. rate_limit_per_minute: more requests than
    that within a minute, from whomever, get 429 (PRH: 300). `.faults` are the rules of misbehaviour, `.requests` the record.
    """

    def __init__(
        self,
        folder: Path,
        day: date | None = None,
        rate_limit_per_minute: int | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.folder = folder / "ytj"
        self.faults = Rules()
        self.requests: list[Request] = []
        self.rate_limit_per_minute = rate_limit_per_minute
        self.stopping = threading.Event()
        self._recent: deque[float] = deque()
        self._lock = threading.Lock()
        self._indexes: dict[date, SearchIndex] = {}
        self._day = day or self.days()[-1]
        self.day = self._day
        self._scratch = TemporaryDirectory(prefix="kohde-registry-")
        self._ptv = PtvService(folder)
        self._notices = NoticeService(folder, Path(self._scratch.name) / "notices")
        self._http = ThreadingHTTPServer((host, port), _handler(self))
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """The address of the service, without a slash at the end: what a loader is given instead of PRH's."""
        return self._root + BASE

    @property
    def ptv_url(self) -> str:
        """The same for public bodies."""
        return self._root + PTV_BASE

    @property
    def notices_url(self) -> str:
        """The same for registered notices."""
        return self._root + NOTICES_BASE

    @property
    def urls(self) -> dict[str, str]:
        """The base address of each source served here, by the source's name."""
        return {"ytj": self.url, "ptv": self.ptv_url, "prh_notices": self.notices_url}

    @property
    def _root(self) -> str:
        host, port = self._http.server_address[:2]
        return f"http://{host!s}:{port}"

    @property
    def day(self) -> date:
        """The day served now."""
        return self._day

    @day.setter
    def day(self, day: date) -> None:
        if day not in self.days():
            raise ValueError(f"no day {day} in {self.folder}")
        self._day = day

    def days(self) -> list[date]:
        """The days in the folder, first to last. Raises FileNotFoundError when there is none."""
        files = ("ytj/*/all_companies.zip", "ptv/*/organizations.jsonl", "prh_notices/*/companies.jsonl.gz")
        days = {date.fromisoformat(path.parent.name) for file in files for path in self.folder.parent.glob(file)}
        if not days:
            raise FileNotFoundError(f"no generated days in {self.folder}")
        return sorted(days)

    def start(self) -> Self:
        """Begin to serve, in a thread."""
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop serving; slow and endless answers break off."""
        self.stopping.set()
        if self._thread:
            self._http.shutdown()
            self._thread.join()
        self._http.server_close()
        for index in self._indexes.values():
            index.close()
        self._notices.close()
        self._scratch.cleanup()

    def serve_forever(self) -> None:
        """Serve in this thread until interrupted."""
        try:
            self._http.serve_forever()
        finally:
            self.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def wait_for_turn(self) -> float | None:
        """Count a request against the limit; None when it may pass, else the seconds until the next one may."""
        if self.rate_limit_per_minute is None:
            return None
        now = time.monotonic()
        with self._lock:
            while self._recent and self._recent[0] <= now - 60:
                self._recent.popleft()
            if len(self._recent) >= self.rate_limit_per_minute:
                return self._recent[0] + 60 - now
            self._recent.append(now)
        return None

    def answer(self, path: str, query: Mapping[str, str], headers: Mapping[str, str]) -> Answer:
        """The honest answer to a request; `path` begins with a slash and, for YTJ, leaves out the base."""
        if path.startswith(PTV_BASE + "/"):
            return self._ptv.answer(self.day, path.removeprefix(PTV_BASE), query)
        if path == NOTICES_BASE or path.startswith(NOTICES_BASE + "/"):
            return self._notices.answer(self.day, path.removeprefix(NOTICES_BASE), query)
        match path:
            case "/all_companies":
                return self._bulk(headers)
            case "/companies":
                return self._search(query)
            case "/description":
                return self._description(query)
            case "/post_codes":
                return self._post_codes(query)
        return json_answer(HTTPStatus.NOT_FOUND, error_body(404, "Not found"))

    def _bulk(self, headers: Mapping[str, str]) -> Answer:
        path = self.folder / self.day.isoformat() / "all_companies.zip"
        stat = path.stat()
        validators = {
            "ETag": f'"{self.day:%Y%m%d}-{stat.st_size:x}-{stat.st_mtime_ns:x}"',
            "Last-Modified": formatdate(stat.st_mtime, usegmt=True),
        }
        asked = headers.get("If-None-Match")
        known = asked == validators["ETag"] if asked else headers.get("If-Modified-Since") == validators["Last-Modified"]
        if known:
            return Answer(HTTPStatus.NOT_MODIFIED, validators, b"")
        # Mapped, not read: a national zip has hundreds of megabytes, and several clients may ask at once.
        body: bytes | memoryview = b""
        if stat.st_size:
            with path.open("rb") as file:
                body = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        return Answer(HTTPStatus.OK, {"Content-Type": "application/zip", "Content-Length": str(len(body)), **validators}, body)

    def _search(self, query: Mapping[str, str]) -> Answer:
        day = self.day
        with self._lock:
            if day not in self._indexes:
                folder = self.folder / day.isoformat()
                zips = [folder / "all_companies.zip", folder / "search_only.zip"]
                self._indexes[day] = SearchIndex(zips, Path(self._scratch.name) / day.isoformat())
        try:
            return json_answer(HTTPStatus.OK, self._indexes[day].page(query).json())
        except BadQuery as bad:
            return json_answer(HTTPStatus.BAD_REQUEST, error_body(400, str(bad).replace('"', "'")))

    def _description(self, query: Mapping[str, str]) -> Answer:
        code, language = query.get("code", ""), query.get("lang", "")
        if language not in ("fi", "sv", "en"):
            return json_answer(HTTPStatus.BAD_REQUEST, error_body(400, "lang must be fi, sv or en"))
        # READ: 200 with an empty body for what is not the name of a code set. The listing guards the file system.
        path = self.folder / "description" / f"{code}.{language}.txt"
        body = path.read_bytes() if path in set(path.parent.glob("*.txt")) else b""
        return Answer(HTTPStatus.OK, {"Content-Type": "text/plain;charset=UTF-8", "Content-Length": str(len(body))}, body)

    def _post_codes(self, query: Mapping[str, str]) -> Answer:
        if query.get("lang") not in ("fi", "sv", "en"):
            return json_answer(HTTPStatus.BAD_REQUEST, error_body(400, "lang must be fi, sv or en"))
        return json_answer(HTTPStatus.OK, (self.folder / f"post_codes.{query['lang']}.json").read_bytes())

    def control(self, method: str, name: str, body: bytes) -> Answer:
        """Carry out a request under /_control/."""
        try:
            match method, name:
                case "POST", "faults":
                    rule = json.loads(body)
                    options = rule.pop("options", {})
                    self.faults.add(**rule, **options)
                case "DELETE", "faults":
                    self.faults.clear()
                case "POST", "day":
                    self.day = date.fromisoformat(json.loads(body)["day"])
                case "GET", "requests":
                    return json_answer(HTTPStatus.OK, json.dumps([asdict(request) for request in self.requests]).encode())
                case _:
                    return json_answer(HTTPStatus.NOT_FOUND, error_body(404, "Not found"))
        except (ValueError, KeyError, TypeError) as wrong:
            return json_answer(HTTPStatus.BAD_REQUEST, json.dumps({"message": str(wrong)}).encode())
        return json_answer(HTTPStatus.OK, json.dumps({"day": self.day.isoformat()}).encode())


def serve(
    folder: Path,
    host: str = "127.0.0.1",
    port: int = 8080,
    day: date | None = None,
    rate_limit_per_minute: int | None = 300,
    faults: tuple[str, ...] = (),
    started: Callable[[RegistryServer], None] = lambda server: None,
) -> None:
    """Serve until interrupted. faults: rules such as `/all_companies=503*2`; `started` is told the server once it listens."""
    server = RegistryServer(folder, day, rate_limit_per_minute, host, port)
    for rule in faults:
        server.faults.parse(rule)
    started(server)
    with suppress(KeyboardInterrupt):
        server.serve_forever()


def _handler(registry: RegistryServer) -> type[BaseHTTPRequestHandler]:
    """The handler class of one server: the standard library makes an instance per connection and passes nothing along."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle(self) -> None:
            # A client that goes away, or a server that stops, in the middle of an answer is no event here.
            with suppress(ConnectionError):
                super().handle()

        def do_GET(self) -> None:
            self._serve()

        def do_POST(self) -> None:
            self._serve()

        def do_DELETE(self) -> None:
            self._serve()

        def _serve(self) -> None:
            target = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if target.path.startswith(CONTROL):
                self._reply(registry.control(self.command, target.path.removeprefix(CONTROL), body))
                return
            path, self.query = target.path.removeprefix(BASE), dict(parse_qsl(target.query))
            headers = dict(self.headers.items())
            registry.requests.append(Request(self.command, path, self.query, headers, time.monotonic(), self.client_address[1]))
            rule = registry.faults.take(path)
            if rule:
                FAULTS[rule.fault](self, rule.options)
            elif (wait := registry.wait_for_turn()) is not None:
                FAULTS["429"](self, {"retry_after": str(int(wait) + 1)})
            elif self.command != "GET" or not target.path.startswith((BASE + "/", PTV_BASE + "/", NOTICES_BASE)):
                self._reply(json_answer(HTTPStatus.NOT_FOUND, error_body(404, "Not found")))
            else:
                self._reply(self.answer())

        def _reply(self, answer: Answer) -> None:
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.write(answer.body)

        # What follows is the Exchange that faults work with.

        def answer(self, **query: str) -> Answer:
            path = urlsplit(self.path).path.removeprefix(BASE)
            return registry.answer(path, self.query | query, dict(self.headers.items()))

        def head(self, status: int, headers: Mapping[str, str]) -> None:
            self.close_connection = True
            lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"]
            lines += [f"{name}: {value}" for name, value in headers.items()]
            self.write("\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1"))

        def write(self, data: bytes | memoryview) -> None:
            view = memoryview(data)
            for start in range(0, len(view), PIECE):
                self.wfile.write(view[start : start + PIECE])

        def reset(self) -> None:
            # Lingering zero seconds makes close() send RST instead of FIN.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            raise ConnectionAbortedError

        def pause(self, seconds: float) -> None:
            if registry.stopping.wait(seconds):
                raise ConnectionAbortedError

        def log_message(self, format: str, *args: Any) -> None:
            """Silent: what came in is in `requests`."""

    return Handler
