"""The page of Poimintapalvelu: rendered here, on the server, with a little script of our own that only makes it quicker.

What it shows and does is what the API shows and does: same functions, same capabilities, same trail. Why it is made so:
docs/adr/0013-a-page-rendered-on-the-server.md.
"""

from fastapi import FastAPI

from delivery.service.page.assets import router as assets
from delivery.service.page.deliveries import router as deliveries
from delivery.service.page.desk import router as desk
from delivery.service.page.groups import router as groups
from delivery.service.page.operator import router as operator
from delivery.service.page.orders import router as orders
from delivery.service.page.pick import router as pick
from delivery.service.page.refreshes import router as refreshes
from delivery.service.page.rendering import fault
from delivery.service.page.sign import router as sign

PARTS = (assets, sign, pick, groups, orders, deliveries, refreshes, desk, operator)


def add(app: FastAPI) -> None:
    """Put the page on the service, and its form of a fault."""
    for router in PARTS:
        app.include_router(router, include_in_schema=False)
    app.state.fault_page = fault
