"""The API, version 1: one file per part of it."""

from fastapi import APIRouter

from delivery.service.api import catalogue, counting, deliveries, desk, groups, keys, operator, orders, promises, refreshes


def routers() -> list[APIRouter]:
    """All parts."""
    parts = (catalogue, counting, groups, orders, deliveries, promises, refreshes, keys, desk, operator)
    return [part.router for part in parts]
