"""A made-up Finland written in the true formats, and a registry server that misbehaves as the real ones do.

`world.py` holds what is really so and moves it day by day. Each source has one module that writes the world in that
source's format (`ytj.py`): a new source is a new module, a new kind of thing (people, roles, notices) a new table of the
world. `generator.py` drives them and writes the truth beside them, `server.py` serves a generated folder over HTTP and
`damage.py` spoils files on purpose. The default output holds what a real register may hold, but for the business ids.

What belongs elsewhere: reading these formats (ingest/sources); nothing may treat synthetic data otherwise than real data.
"""

from ingest.synthetic.generator import generate

__all__ = ["generate"]
