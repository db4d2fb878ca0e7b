"""A made-up Finland written in the true formats, and a registry server that misbehaves as the real ones do.

`world.py` holds what is really so of the companies and moves it day by day; `society.py` adds everybody else: public bodies,
associations, foundations, sole traders, and the people of all of them. What they write in which format is in `ytj.py`,
`ptv.py`, `registers.py` (officers, notices, taxes) and `outreach.py` (contacts, size classes, surveys, feedback): a new source
is a new writer, a new kind of thing a new table of the world. `generator.py` drives them and writes the truth beside them,
`server.py` serves a generated folder over HTTP, and `damage.py` and `hostile.py` spoil files on purpose. The default
output holds what a real register may hold, but for the business ids.

What belongs elsewhere: reading these formats (ingest/sources); nothing may treat synthetic data otherwise than real data.
"""

from ingest.synthetic.generator import SOURCES, generate

__all__ = ["SOURCES", "generate"]
