"""API users in the console: added, given a role and a password, disabled and enabled."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args
from urllib.parse import quote

from emporion.api.problems import STATUS
from emporion.credentials import Role
from emporion.errors import Code, Fault, Problem, raise_invalid
from emporion.marketplace.users import subject_of
from emporion.web.console.history import history_of
from emporion.web.console.resellers import Owner, owner
from emporion.web.forms import by_field, faults_of, form_values
from emporion.web.pages import Page

if TYPE_CHECKING:
    from starlette.responses import Response

    from emporion.marketplace.users import NewUser
    from emporion.store.users import User
    from emporion.web.pages import PageRequest

ROLES: tuple[Role, ...] = get_args(Role)
MAY: dict[Role, str] = {
    "reader": "sees everything",
    "editor": "also changes customers",
    "owner": "changes everything",
}
OWN = "Another user with the role owner must do this: it would shut you out yourself."


async def show_all(visit: PageRequest) -> Response:
    """The users of a reseller."""
    of = await owner(visit)
    return visit.render("users.html", owner=of, users=await visit.marketplace.users.of(of.id))


async def new(visit: PageRequest) -> Response:
    """The form of a new user, for the marketplace of the one who adds it."""
    visit.actor.must_be("owner")
    actor = await visit.marketplace.users.find(visit.actor, visit.actor.user)
    return _form(visit, await owner(visit), {"role": "editor", "marketplace": actor.marketplace}, {})


async def create(visit: PageRequest) -> Response:
    """A new user, whose password is shown this once."""
    visit.actor.must_be("owner")
    of = await owner(visit)
    values = {name: visit.form.text(name) for name in ("login", "role", "marketplace")}
    try:
        role = _role(values["role"])
        made = await visit.marketplace.users.add(visit.actor, of.id, values["login"], role, values["marketplace"])
    except Problem as problem:
        return _form(visit, of, values, by_field(faults_of(problem)))
    return _secret(visit, made, "The user can sign in from now on, here and over the API.")


async def show(visit: PageRequest) -> Response:
    """A user."""
    return await _shown(visit, await _find(visit), {})


async def change_role(visit: PageRequest) -> Response:
    """Give a user another role."""
    visit.actor.must_be("owner")
    user = await _other(visit)
    if visit.form.text("version") != str(user.version):
        return await _shown(visit, user, {}, moved=True)
    try:
        await visit.marketplace.users.change_role(visit.actor, user.login, _role(visit.form.text("role")))
    except Problem as problem:
        return await _shown(visit, user, by_field(faults_of(problem)))
    return _redirect(visit, user)


async def disable(visit: PageRequest) -> Response:
    """Shut a user out."""
    visit.actor.must_be("owner")
    user = await _other(visit)
    if user.disabled_at is None:
        await visit.marketplace.users.disable(visit.actor, user.login)
    return _redirect(visit, user)


async def enable(visit: PageRequest) -> Response:
    """Let a user in again."""
    visit.actor.must_be("owner")
    user = await visit.marketplace.users.enable(visit.actor, (await _find(visit)).login)
    return _redirect(visit, user)


async def new_password(visit: PageRequest) -> Response:
    """Give a user another password, which is shown this once."""
    visit.actor.must_be("owner")
    user = await _find(visit)
    made = await visit.marketplace.users.rotate(visit.actor, user.login)
    if user.login == visit.actor.user:
        return _secret(visit, made, "You are signed out everywhere, here too: sign in again with this one.")
    return _secret(visit, made, "The password before is of no use any more, and the user is signed out everywhere.")


def _role(text: str) -> Role:
    wanted = [role for role in ROLES if role == text]
    if not wanted:
        raise_invalid([Fault("role", f"must be one of {', '.join(ROLES)}")])
    return wanted[0]


async def _find(visit: PageRequest) -> User:
    """The user of the address. Raises Problem (NOT_FOUND) if the actor does not reach it."""
    return await visit.marketplace.users.find(visit.actor, visit.path["login"])


async def _other(visit: PageRequest) -> User:
    """The user of the address. Raises Problem (CONFLICT) if it is the one who asks."""
    user = await _find(visit)
    if user.login == visit.actor.user:
        raise Problem(Code.CONFLICT, OWN)
    return user


def path(user: User) -> str:
    """Where a user's page is."""
    return f"/console/users/{quote(user.login)}"


def _redirect(visit: PageRequest, user: User) -> Response:
    return visit.redirect(path(user), said="changed")


def _form(visit: PageRequest, of: Owner, values: dict[str, str], faults: dict[str, str]) -> Response:
    status = STATUS[Code.INVALID].value if faults else 200
    return visit.render("user_new.html", status, owner=of, values=values, faults=faults, may=MAY)


def _kept(user: User) -> dict[str, object]:
    """What a user has that its form can change."""
    return {"role": user.role}


async def _shown(visit: PageRequest, user: User, faults: dict[str, str], *, moved: bool = False) -> Response:
    is_own = user.reseller_id == visit.actor.account_id
    return visit.render(
        "user.html",
        STATUS[Code.CONFLICT].value if moved else STATUS[Code.INVALID].value if faults else 200,
        user=user,
        path=path(user),
        query="" if is_own else f"?resellerId={user.reseller_id}",
        is_self=user.login == visit.actor.user,
        values=form_values(_kept(user), str(user.version)),
        faults=faults,
        moved=moved,
        may=MAY,
        history=await history_of(visit, user.reseller_id, subject_of(user)),
    )


def _secret(visit: PageRequest, made: NewUser, note: str) -> Response:
    return visit.render(
        "secret.html",
        area_page="Users",
        title=f"The password of {made.user.login}",
        note=note,
        warning="It is shown only now: hand it only to the person who is to use it.",
        label="Password",
        secret=made.password,
        facts=[("Login", made.user.login), ("Role", made.user.role)],
        back=path(made.user),
        back_name="To the user",
    )


PAGES = (
    Page("/users", show_all),
    # Not below /users, where a user may be called that.
    Page("/new-user", new, create),
    Page("/users/{login}", show, change_role),
    Page("/users/{login}/disable", None, disable),
    Page("/users/{login}/enable", None, enable),
    Page("/users/{login}/password", None, new_password),
)
