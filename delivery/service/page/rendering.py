"""Templates and how values are written in each language; what every page has: language, who is here, what they may do."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jinja2
from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.status import HTTP_303_SEE_OTHER

from delivery.columns import LANGUAGES, Language
from delivery.columns import values as coded
from delivery.schedule import HELSINKI
from delivery.service.page import form, refusing
from delivery.service.page.texts import Words
from delivery.service.roles import capabilities

HERE = Path(__file__).parent
COOKIE = "kohde_language"
YEAR_SECONDS = 365 * 24 * 3600
NAMES: dict[Language, str] = {"fi": "Suomi", "sv": "Svenska", "en": "English"}
NAV = (
    ("pick", "/pick", "count"), ("groups", "/groups", "groups"), ("lists", "/lists", "groups"), ("orders", "/orders", "orders"),
    ("deliveries", "/deliveries", "deliveries"), ("refresh", "/refresh", "refresh"), ("keys", "/keys", "keys"),
    ("desk", "/desk", "subjects"),
    ("reviews", "/desk/reviews", "reviews"), ("notices", "/desk/notices", "notices"), ("operator", "/operator", "health"),
    ("recalls", "/desk/recalls", "recalls"), ("trail", "/desk/trail", "trail"),
)  # fmt: skip
"""Pages: key, address, and the capability that they need."""


def number(value: float | None, language: Language, decimals: int = 0) -> str:
    """1 968 or 1,968; with decimals 0,7 or 0.7; a dash for what is not told."""
    if value is None:
        return "–"
    said = f"{value:,.{decimals}f}"
    return said if language == "en" else said.replace(",", "\N{NO-BREAK SPACE}").replace(".", ",")


def percent(share: float | None, language: Language, decimals: int = 1) -> str:
    """6,0 % or 6.0%."""
    if share is None:
        return "–"
    said = f"{100 * share:.{decimals}f}"
    return f"{said}%" if language == "en" else f"{said.replace('.', ',')}\N{NO-BREAK SPACE}%"


def day(value: date | datetime | str | None, language: Language) -> str:
    """23.11.2026 or 23 Nov 2026, as it was in Finland."""
    if value is None:
        return "–"
    if isinstance(value, str):
        value = datetime.fromisoformat(value) if len(value) > len("2026-01-02") else date.fromisoformat(value)
    if isinstance(value, datetime):
        value = _here(value)
    return f"{value:%-d %b %Y}" if language == "en" else f"{value.day}.{value.month}.{value.year}"


def moment(value: datetime | str | None, language: Language) -> str:
    """Day and time in Finland."""
    if value is None:
        return "–"
    told = datetime.fromisoformat(value) if isinstance(value, str) else value
    return f"{day(told, language)} {_here(told):%H:%M}" if language == "en" else f"{day(told, language)} {_here(told):%H.%M}"


def _here(value: datetime) -> datetime:
    return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(HELSINKI)


@cache
def _environment(language: Language) -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, auto_reload=False,
    )  # fmt: skip
    for name, said in (("number", number), ("percent", percent), ("day", day), ("moment", moment)):
        made.filters[name] = _in(said, language)
    made.globals |= {"refusal": lambda detail: refusing.said(str(detail), language)}
    made.globals |= {"t": Words(language), "language": language, "asset": asset, "languages": NAMES, "coded": _coded(language)}
    return made


def _in(said: Any, language: Language) -> Any:
    return lambda value, *more: said(value, language, *more)


def _coded(language: Language) -> Any:
    """Names of codes that files use too (delivery/values.csv)."""
    return lambda of, code: coded().get(of, {}).get(str(code), {}).get(language, str(code))


@cache
def asset(name: str) -> str:
    """The address of a file of ours, another one whenever its content changes, so that browsers may keep it."""
    digest = hashlib.sha256((HERE / "static" / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?v={digest}"


def language_of(request: Request) -> Language:
    """The language that is asked for, else the one asked for before, else Finnish."""
    told = (request.query_params.get("lang"), request.cookies.get(COOKIE))
    return next((language for one in told for language in LANGUAGES if language == one), "fi")


def show(request: Request, template: str, status: int = 200, **context: Any) -> HTMLResponse:
    """A page. With the header X-Fragment what it is about only, without what stands around it."""
    language = language_of(request)
    who = request.state.who()
    told = {
        "who": who, "path": request.url.path, "is_fragment": "x-fragment" in request.headers,
        "nav": [(key, address) for key, address, needs in NAV if who and who.role in capabilities()[needs].roles],
        "in_language": _in_language(request), "request_id": request.state.request_id,
        "may": lambda capability: bool(who) and who.role in capabilities()[capability].roles,
        "home": request.app.state.house,
    }  # fmt: skip
    answer = HTMLResponse(_environment(language).get_template(template).render(told | context), status)
    answer.headers["Vary"] = "X-Fragment"
    if request.query_params.get("lang") == language:
        is_https = request.app.state.house.settings.is_https
        answer.set_cookie(COOKIE, language, YEAR_SECONDS, httponly=True, samesite="lax", secure=is_https)
    return answer


def go(address: str) -> RedirectResponse:
    """On to another page, with GET."""
    return RedirectResponse(address, HTTP_303_SEE_OTHER)


def fault(request: Request, status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    """A fault as people see it: the line that a problem document has, and the id that the trail has. Who has not signed in is
    asked to."""
    if status == 401 and request.method == "GET" and not request.url.path.startswith("/sign-in"):
        asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return go(f"/sign-in?next={quote(asked, safe='')}")
    if "session" not in request.scope or not hasattr(request.state, "who"):
        request.state.who = lambda: None
    answer = show(request, "fault.html", status, code=status, detail=detail)
    answer.headers.update(headers or {})
    return answer


def _in_language(request: Request) -> dict[str, str]:
    pairs = form.without(request.query_params.multi_items(), "lang")
    return {language: f"{request.url.path}?{form.query([*pairs, ('lang', language)])}" for language in LANGUAGES}
