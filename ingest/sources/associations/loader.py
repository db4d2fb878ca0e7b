"""Land the Register of Associations: see ingest/yrtti.py, whose shape it shares."""

from functools import partial

from ingest import yrtti

land = partial(yrtti.land, "associations")
