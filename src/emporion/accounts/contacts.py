"""Contact persons, and which of them stay the same in a change (contract: PATCH)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct

from emporion.accounts.email_addresses import Email
from emporion.accounts.fields import LINE_RULES, Login, Password, text_meta
from emporion.accounts.phone_numbers import Phone
from emporion.emails import fold_email
from emporion.errors import Fault

ContactType = Literal["admin", "billing", "technical"]


class ContactPerson(Struct, rename="camel", omit_defaults=True, kw_only=True, frozen=True):
    """A person of the account, as answers show it."""

    type: Annotated[ContactType, Meta(description="Every account has at least one `admin`.", examples=["admin"])]
    first_name: Annotated[str, text_meta(255, "First name.", "Jane", extra=LINE_RULES)]
    last_name: Annotated[str, text_meta(255, "Last name.", "Doe", extra=LINE_RULES)]
    email: Email
    phone_number: Phone


class NewContactPerson(ContactPerson, rename="camel", omit_defaults=True, kw_only=True, frozen=True):
    """A person of the account as clients send it: an admin may be given a login and a password."""

    login: Login | None = None
    password: Password | None = None

    def faults(self) -> Iterator[Fault]:
        """Only an admin has a login and a password."""
        if self.type not in ("admin", UNSET):
            for member in ("login", "password"):
                if getattr(self, member) is not None:
                    yield Fault(member, f"must be left out: a {self.type} contact has none, only an admin has")

    def shown(self) -> ContactPerson:
        """The person without what is never shown."""
        return ContactPerson(
            type=self.type,
            first_name=self.first_name,
            last_name=self.last_name,
            email=self.email,
            phone_number=self.phone_number,
        )


def faults_of_contacts(persons: object) -> Iterator[Fault]:
    """Faults between contact persons: one at least is an admin, and no two have the same login."""
    if not isinstance(persons, list):
        return
    known = [person for person in persons if person is not UNSET]
    if len(known) == len(persons) and not any(person.type in ("admin", UNSET) for person in known):
        yield Fault("contactPersons", "must have at least one person of type admin")
    seen: set[str] = set()
    for number, person in enumerate(persons):
        login = person is not UNSET and person.login
        if not login:
            continue
        if login.lower() in seen:
            yield Fault(f"contactPersons[{number}].login", "must not be given to two persons")
        seen.add(login.lower())


def matching_administrators(before: Sequence[ContactPerson], after: Sequence[ContactPerson]) -> dict[int, int]:
    """Which administrators stay: position after → position before (contract: PATCH).

    One stays by type and e-mail address, or because there is only one before and after.
    """
    old = [position for position, person in enumerate(before) if person.type == "admin"]
    new = [position for position, person in enumerate(after) if person.type == "admin"]
    if len(old) == len(new) == 1:
        return {new[0]: old[0]}
    stays: dict[int, int] = {}
    for position in new:
        for candidate in old:
            if fold_email(after[position].email) == fold_email(before[candidate].email):
                stays[position] = candidate
                old.remove(candidate)
                break
    return stays
