"""The rights of the people in the lake: what is held of them, where, until when, and how it goes.

Belongs here: the registry of personal data, the answer to a person, erasure and its proof, retention. Does not belong here:
objections and who may be marketed to (ledger, dbt_project/models/enriched/50_gate).
"""
