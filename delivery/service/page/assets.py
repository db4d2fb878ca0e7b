"""Our own style, script and sign; nothing comes from elsewhere."""

from fastapi import APIRouter
from fastapi.responses import FileResponse

from delivery.service.faults import Fault
from delivery.service.page.rendering import HERE

router = APIRouter()
KINDS = {"page.css": "text/css", "page.js": "text/javascript", "sign.svg": "image/svg+xml"}
KEPT = {"Cache-Control": "public, max-age=31536000, immutable"}


@router.get("/static/{name}")
def read(name: str) -> FileResponse:
    """One of them; its address has a hash of its content."""
    if name not in KINDS:
        raise Fault(404, "there is no such file")
    return FileResponse(HERE / "static" / name, media_type=KINDS[name], headers=KEPT)


@router.get("/favicon.ico")
def icon() -> FileResponse:
    """For browsers that ask without being told."""
    return FileResponse(HERE / "static" / "sign.svg", media_type=KINDS["sign.svg"])
