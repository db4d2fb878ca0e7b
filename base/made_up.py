"""Made-up companies, told from real ones by their number."""

RESERVED_IDS = range(8_000_000, 10_000_000)
"""Seven-digit bodies of the business ids of made-up organisations.

The check digits are right (a wrong one would be refused), so the ids must lie where no real ones do: ids are issued upwards and
stand far below 4,000,000 (2026). Nothing else tells a made-up id from a real one: do not use this range for anything else.
"""
