"""What every part may use and what uses none of them: durable files today, normal forms of names and numbers later.

Belongs here: small functions that at least two of ingest, ledger and delivery need. Does not belong here: anything that
knows a source, a table or a customer. See docs/adr/0003-a-base-package.md.
"""
