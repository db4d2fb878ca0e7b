"""The API, version 1: one file per part of it."""

from typing import Any

from fastapi import APIRouter, FastAPI

from delivery.service.api import catalogue, counting, deliveries, desk, groups, keys, operator, orders, promises, refreshes


def routers() -> list[APIRouter]:
    """All parts."""
    parts = (catalogue, counting, groups, orders, deliveries, promises, refreshes, keys, desk, operator)
    return [part.router for part in parts]


def describe(app: FastAPI) -> None:
    """Say in the OpenAPI document what FastAPI cannot know: how one signs in, and in which form a fault is told."""
    made = app.openapi

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            told = made()
            told["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer", "description": "kohde_..."}}
            told["security"] = [{"key": []}]
            told["paths"]["/api/v1/alive"]["get"]["security"] = []
            for operation in (one for path in told["paths"].values() for one in path.values()):
                for status, answer in operation["responses"].items():
                    if int(status) >= 400:
                        (schema,) = answer["content"].values()
                        answer["content"] = {"application/problem+json": schema}
        return app.openapi_schema or {}

    app.openapi = document  # type: ignore[method-assign]
