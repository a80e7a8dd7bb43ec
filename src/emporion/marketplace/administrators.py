"""Administrators: the contact persons who sign in, their logins and passwords (contract: POST, PATCH /customers)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from msgspec import to_builtins

from emporion.accounts.contacts import NewContactPerson
from emporion.accounts.customers import Customer, NewCustomer
from emporion.accounts.documents import NEVER_SHOWN, diff
from emporion.accounts.resellers import Reseller
from emporion.credentials import new_login
from emporion.errors import Code, Fault, raise_invalid
from emporion.events import Changes
from emporion.marketplace.passwords import Passwords
from emporion.store.administrators import AdministratorLogin

# The digests of the passwords in a request, by position. They take long, so a second attempt finds them here.
Digests = dict[int, str]


class Administrators:
    """Gives administrators their logins. clock: seconds since 1970."""

    def __init__(self, passwords: Passwords, clock: Callable[[], float]) -> None:
        self._passwords = passwords
        self._clock = clock

    def check(self, wanted: NewCustomer, faults: list[Fault]) -> None:
        """Refuse an account for `faults` and for passwords that are too weak. Raises Problem (INVALID)."""
        persons = wanted.contact_persons if isinstance(wanted.contact_persons, list) else []
        for position, person in enumerate(persons):
            password = person.password if isinstance(person, NewContactPerson) else None
            if isinstance(password, str) and (message := self._passwords.fault(password)):
                faults.append(Fault(f"contactPersons[{position}].password", message))
        if faults:
            raise_invalid(faults)

    async def logins(
        self,
        account_id: int,
        persons: Sequence[NewContactPerson],
        kept: dict[int, AdministratorLogin],
        digests: Digests,
    ) -> list[AdministratorLogin]:
        """A login for each administrator: the one given, else the one kept for the position, else a new one.

        account_id: who waits for the digests of new passwords. Raises Problem (CONFLICT) if one person is given the
        login that another one keeps.
        """
        logins = []
        for position, person in enumerate(persons):
            if person.type != "admin":
                continue
            before = kept.get(position)
            login = person.login or (before.login if before else new_login(int(self._clock() * 1000)))
            digest = before.password_hash if before else None
            if person.password is not None:
                if position not in digests:
                    digests[position] = await self._passwords.hash(person.password, account_id)
                digest = digests[position]
            logins.append(AdministratorLogin(position, login, digest))
        _check_different(logins)
        return logins


def kept_logins(old: Sequence[AdministratorLogin], stays: Mapping[int, int]) -> dict[int, AdministratorLogin]:
    """The logins of those administrators who stay, by their new positions. stays: position after → before."""
    by_position = {login.position: login for login in old}
    return {new: by_position[position] for new, position in stays.items() if position in by_position}


def created(account: Customer | Reseller, logins: Sequence[AdministratorLogin]) -> Changes:
    """All that the log says of a new account: each member as it is now, and that there are logins."""
    after = to_builtins(account)
    for name in ("id", "resellerId"):  # each entry of the log has them anyway
        after.pop(name, None)
    return {**diff({}, after), **changed_logins({}, logins)}


def changed_logins(kept: dict[int, AdministratorLogin], new: Sequence[AdministratorLogin]) -> Changes:
    """Which logins and passwords changed, without showing any: path → (before, after)."""
    hidden = NEVER_SHOWN
    changes: Changes = {}
    for login in new:
        before = kept.get(login.position)
        path = f"contactPersons[{login.position}]"
        if not before or before.login != login.login:
            changes[f"{path}.login"] = (hidden if before else None, hidden)
        if login.password_hash != (before.password_hash if before else None):
            changes[f"{path}.password"] = (hidden if before and before.password_hash else None, hidden)
    return changes


def _check_different(logins: Sequence[AdministratorLogin]) -> None:
    seen: set[str] = set()
    for login in logins:
        if login.login.lower() in seen:
            raise_invalid(
                [Fault(f"contactPersons[{login.position}].login", "is that of another contact person; choose another")],
                Code.CONFLICT,
            )
        seen.add(login.login.lower())
