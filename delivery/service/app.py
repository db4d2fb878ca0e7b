"""Makes the service: everything it needs, in one place, and the routes over it."""

import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from fastapi import FastAPI
from starlette.middleware.sessions import SessionMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

from delivery.service import faults, settings
from delivery.service.edge import Door, Edge, Limits
from delivery.service.office import Office
from delivery.service.ordering import Orders
from delivery.service.refreshing import Refreshes
from delivery.service.settings import Settings
from delivery.service.shelf import Shelf
from delivery.service.signing_in import SigningIn
from delivery.service.trail import Trail

DESCRIPTION = """Target groups, counts, orders, deliveries and recalls of Kohde. Every call needs a key
(`Authorization: Bearer kohde_...`) or the session of somebody who has signed in. Whose data it is follows from the key.
Faults are problem documents (RFC 9457); each answer has an `X-Request-Id`."""

SWITCH_SECONDS = 0.001
"""After which a thread that reckons lets another go on: a request passes through three, each of which waits for it."""


@dataclass
class House:
    """What the routes work with: `request.app.state.house`."""

    home: Path
    settings: Settings
    office: Office
    shelf: Shelf
    orders: Orders
    refreshes: Refreshes
    door: Door
    limits: Limits
    trail: Trail
    signing_in: SigningIn


def create(office: Office, told: Settings | None = None) -> FastAPI:
    """The service over a lake. Raises keys.SecretMissing, Refused."""
    from delivery.service import api, page

    told = told or settings.load()
    home = office.home
    shelf, door, limits, trail = Shelf(home), Door(home, told), Limits(told), Trail(home)
    house = House(
        home, told, office, shelf, Orders(office, shelf, told), Refreshes(home, shelf, office.republish), door, limits, trail,
        SigningIn(home, told, door, limits),
    )  # fmt: skip
    app = FastAPI(
        title="Kohde", version="1", description=DESCRIPTION, lifespan=_life(house), openapi_url="/api/v1/openapi.json",
        docs_url=None, redoc_url=None, redirect_slashes=False,
    )  # fmt: skip
    app.state.house = house
    sys.setswitchinterval(SWITCH_SECONDS)
    faults.handle(app)
    for router in api.routers():
        app.include_router(router, prefix="/api/v1")
    page.add(app)
    api.describe(app)
    # The last added is the outermost. Who asks by another name is refused inside of Edge, so that this answer has its headers.
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=told.hosts)
    app.add_middleware(Edge, settings=told, door=door, limits=limits, trail=trail)
    app.add_middleware(
        SessionMiddleware, secret_key=settings.session_secret(), session_cookie=settings.cookie(told),
        max_age=told.session_hours * 3600, same_site="lax", https_only=told.is_https,
    )  # fmt: skip
    return app


def _life(house: House):  # type: ignore[no-untyped-def]  # FastAPI has no name for this type
    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        threads = [threading.Thread(target=run, daemon=True) for run in (house.shelf.watch, house.trail.run)]
        for thread in threads:
            thread.start()
        house.orders.resume()
        house.refreshes.resume()
        try:
            yield
        finally:
            house.shelf.end()
            house.orders.end()
            house.refreshes.end()
            try:
                house.trail.end()
            finally:
                for thread in threads:
                    # One that still opens a version when the process ends would take it down.
                    thread.join()

    return life
