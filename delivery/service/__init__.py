"""Poimintapalvelu: the API and the page over what is published and the ledger. Same gates, same code as the command line.

What this folder may not do itself (publish, erase, look into the raw zone) it asks of the house through `office.Office`.
"""
