"""Who we are towards recipients: what stands in every manifest and contract."""

import os
from dataclasses import dataclass

from base.refused import Refused


@dataclass(frozen=True)
class House:
    """supplier: our name. contact: where people say no, an e-mail address or a page."""

    supplier: str
    contact: str


def house() -> House:
    """From KOHDE_SUPPLIER and KOHDE_CONTACT. Raises Refused without a contact: a file must tell where to object (L-19)."""
    contact = os.environ.get("KOHDE_CONTACT", "").strip()
    if not contact:
        raise Refused("KOHDE_CONTACT is not set: every file tells where people may object, an e-mail address or a page")
    return House(os.environ.get("KOHDE_SUPPLIER", "").strip() or "Kohde", contact)
