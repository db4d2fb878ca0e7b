"""PROMISES: the secret of ids, judgements, corrections; later objections, notices, recipients, disclosures.

Imports nothing of ours but base.
"""
