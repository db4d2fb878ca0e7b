"""Faults as problem documents (RFC 9457): one line that says what was wrong, never a value that was sent."""

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from base.refused import LandingRefused, Refused
from ledger.keys import SecretMissing
from ledger.store import LedgerRefused

TITLES = {
    400: "Bad request", 401: "Not signed in", 403: "Not allowed", 404: "Not found", 405: "Method not allowed",
    409: "Conflict", 410: "Gone", 413: "Too large", 415: "Unsupported media type", 422: "Cannot be done as asked",
    429: "Too many requests", 500: "Fault of ours", 503: "Not now",
}  # fmt: skip


class Fault(Exception):
    """An answer other than the one asked for. headers: such as Retry-After."""

    def __init__(self, status: int, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers = status, detail, headers or {}


def problem(request: Request, status: int, detail: str, headers: dict[str, str] | None = None, **more: Any) -> Response:
    """A problem document."""
    content = {"type": "about:blank", "title": TITLES.get(status, "Fault"), "status": status, "detail": detail}
    content |= {"request_id": getattr(request.state, "request_id", None), **more}
    return JSONResponse(content, status, headers, media_type="application/problem+json")


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
        return problem(request, 404 if str(error).startswith("there is no ") else 422, str(error))

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
