"""The search API (/companies): 100 companies a page."""

from ingest.prh import companies_paged

SEARCH = companies_paged("companies", 100, "searching companies")
