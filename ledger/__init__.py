"""PROMISES: objections, notices, recipients, disclosures, acknowledgements. Nothing is here yet; imports nothing but base."""
