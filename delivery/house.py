"""Who we are towards recipients: what stands in every manifest and contract."""

import os
from dataclasses import dataclass

from base.refused import Refused


@dataclass(frozen=True)
class House:
    """supplier: our name. contact: where people say no, an e-mail address or a page."""

    supplier: str
    contact: str


UNREAD = "kiellot@kohde.example"
"""A mailbox that nobody has (RFC 2606): of files that do not leave this machine."""


def house(*, leaves: bool) -> House:
    """From KOHDE_SUPPLIER and KOHDE_CONTACT.

    leaves: whether the file goes to a recipient's place. Raises Refused then without a contact: it must tell where people may
    object (L-19).
    """
    contact = os.environ.get("KOHDE_CONTACT", "").strip()
    if leaves and not contact:
        raise Refused("KOHDE_CONTACT is not set: every file tells where people may object, an e-mail address or a page")
    return House(os.environ.get("KOHDE_SUPPLIER", "").strip() or "Kohde", contact or UNREAD)
