"""IN: one folder per source: fetch, archive, parse, land. lake.py says where things lie, load.py how rows get there."""
