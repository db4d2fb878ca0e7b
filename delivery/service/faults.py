"""Faults as problem documents (RFC 9457): one line that says what was wrong, never a value that was sent."""

import json
from pathlib import Path
from traceback import extract_tb
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from base.refused import LandingRefused, Refused
from ledger.keys import SecretMissing
from ledger.store import LedgerClosed, LedgerRefused

TITLES = {
    400: "Bad request", 401: "Not signed in", 403: "Not allowed", 404: "Not found", 405: "Method not allowed",
    408: "Too slow", 409: "Conflict", 410: "Gone", 413: "Too large", 415: "Unsupported media type",
    422: "Cannot be done as asked",
    429: "Too many requests", 500: "Fault of ours", 503: "Not now",
}  # fmt: skip


class Fault(Exception):
    """An answer other than the one asked for. headers: such as Retry-After."""

    def __init__(self, status: int, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers = status, detail, headers or {}


def problem(request: Request, status: int, detail: str, headers: dict[str, str] | None = None, **more: Any) -> Response:
    """A problem document; for people on the page, a page that says the same."""
    if page := _page(request):
        return page(request, status, detail, headers)  # type: ignore[no-any-return]
    content = {"type": "about:blank", "title": TITLES.get(status, "Fault"), "status": status, "detail": detail}
    content |= {"request_id": getattr(request.state, "request_id", None), **more}
    # What was sent may stand in a refusal, and not all of it can be written in UTF-8.
    body = json.dumps(content, ensure_ascii=True, separators=(",", ":"))
    return Response(body, status, headers, media_type="application/problem+json")


def _page(request: Request) -> Any:
    """What shows a fault to people, where one is set (delivery/service/page) and asked for."""
    if request.url.path.startswith("/api/") or "text/html" not in request.headers.get("accept", ""):
        return None
    return getattr(request.app.state, "fault_page", None) if "app" in request.scope else None


def line(error: Exception, home: Path) -> str:
    """What a refusal says, for whoever asked: where our files lie is nobody's to know."""
    return str(error).replace(str(home.resolve()), "...").replace(str(home), "...")


def where(error: Exception) -> str:
    """Kind and place of an error; its text may hold a value."""
    frames = extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "site-packages" not in frame.filename] or frames
    return f"{type(error).__name__} in {Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else type(error).__name__


def handle(app: FastAPI) -> None:
    """Answer every fault in the same form."""

    @app.exception_handler(Fault)
    def fault(request: Request, error: Fault) -> Response:
        return problem(request, error.status, error.detail, error.headers)

    @app.exception_handler(Refused)
    @app.exception_handler(LandingRefused)
    @app.exception_handler(LedgerRefused)
    def refused(request: Request, error: Exception) -> Response:
        # "There is no ...": what others have does not exist either.
        status = 404 if str(error).startswith("there is no ") else 422
        return problem(request, status, line(error, app.state.house.home))

    @app.exception_handler(LedgerClosed)
    def unreachable(request: Request, error: LedgerClosed) -> Response:
        return problem(request, 503, "the ledger cannot be reached", {"Retry-After": "10"})

    @app.exception_handler(SecretMissing)
    def closed(request: Request, error: SecretMissing) -> Response:
        return problem(request, 503, "the service has no secret: tell its operator", {"Retry-After": "60"})

    @app.exception_handler(RequestValidationError)
    def invalid(request: Request, error: RequestValidationError) -> Response:
        faults = [{"where": ".".join(map(str, one["loc"])), "what": one["msg"]} for one in error.errors()[:20]]
        return problem(request, 422, "the request is not as the API describes it", faults=faults)

    @app.exception_handler(HTTPException)
    def http(request: Request, error: HTTPException) -> Response:
        return problem(request, error.status_code, str(error.detail), dict(error.headers or {}))
