"""The page of Poimintapalvelu: rendered here, on the server, with a little script of our own that only makes it quicker.

What it shows and does is what the API shows and does: same functions, same capabilities, same trail. Why it is made so:
docs/adr/0013-a-page-rendered-on-the-server.md.
"""

from fastapi import FastAPI

from delivery.service.page.accesses import router as of_accesses
from delivery.service.page.assets import router as of_assets
from delivery.service.page.deliveries import router as of_deliveries
from delivery.service.page.desk import router as of_desk
from delivery.service.page.groups import router as of_groups
from delivery.service.page.operator import router as of_operator
from delivery.service.page.orders import router as of_orders
from delivery.service.page.pick import router as of_pick
from delivery.service.page.refreshes import router as of_refreshes
from delivery.service.page.rendering import fault
from delivery.service.page.sign import router as of_sign

PARTS = (of_assets, of_sign, of_pick, of_groups, of_orders, of_deliveries, of_refreshes, of_accesses, of_desk, of_operator)


def add(app: FastAPI) -> None:
    """Put the page on the service, and its form of a fault."""
    for router in PARTS:
        app.include_router(router, include_in_schema=False)
    app.state.fault_page = fault
