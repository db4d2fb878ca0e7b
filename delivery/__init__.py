"""OUT: target groups, counts, extracts, sending, recall. Nothing is here yet; reads published files and the ledger only."""
