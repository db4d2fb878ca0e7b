"""How the ledger's tables came to be: one file a version, applied in order by ledger/store.py."""
