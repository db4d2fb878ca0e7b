"""A made-up Finland written in the true formats, and a registry server that misbehaves as the real ones do.

`world.py` holds what is really so and moves it day by day. Each source has one module that writes the world in that source's
format (`ytj.py`), so a new source is a new module, and a new kind of thing (people, roles, notices) is a new table of the world.
`generator.py` drives them and writes the truth beside them; `server.py` serves a generated folder over HTTP; `damage.py` spoils
files on purpose. Nothing that a real register would not contain is in the default output, except in the range of business ids.

What belongs elsewhere: reading these formats (ingest/sources), and anything that treats synthetic data differently from real data.
"""

from ingest.synthetic.generator import generate

__all__ = ["generate"]
