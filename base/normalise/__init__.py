"""Normal forms: one place where two spellings of the same thing become one. Used by Python and, where a rule allows, by SQL.

`business_id`, `phone`, `email`, `name_keys`, `address_key`, `town_key` take one text; `columns` takes a column; `sql` has the
macros. The raw text is always kept beside: a normal form is for comparing, counting and reaching, not for showing.
"""

from base.normalise.address import Address, address, address_key, postal_lines, street_line, town_key
from base.normalise.business_id import business_id, business_id_fault, euid, vat_number
from base.normalise.email import Email, email, email_key, emails
from base.normalise.name import name_fold, name_keys
from base.normalise.phone import Phone, phone, phone_key, phones

__all__ = [
    "Address", "Email", "Phone",
    "address", "address_key", "business_id", "business_id_fault", "email", "email_key", "emails", "euid", "name_fold",
    "name_keys", "phone", "phone_key", "phones", "postal_lines", "street_line", "town_key", "vat_number",
]  # fmt: skip
