"""The SQL that both databases understand, and what several nouns use of it.

Each ? stands for the next value. What the databases say differently has a mark, which each fills in (`dialect.py`):
{login_is}: that the row `l` has the login ?, whatever its case: of the letters of ASCII, and a login has no others.
{email_is_of_customer}: that the address `e` belongs to the customer `c`. {add_login}: inserts a login, if it is free:
login, reseller, customer, position, password hash. {next_account_id}: ?, or the next id where that is null. {new_id}:
the next id, where `i` counts them from 1.
{for_update}: locks the rows until the transaction ends. {skip_locked}: the same, and leaves out what is locked.
{lock_tree}, {lock_feed}: one transaction at a time changes the tree of resellers, or numbers events.
{try_lock_catalogue}: gives true if no other transaction writes the catalogue, and lets none until this one ends.
{numbers_by_name}: the numbers of plans and products with ?, of three letters or more, in their folded names.
"""
# ruff: noqa: S608 - put together from what stands here

DOCUMENT = "SELECT document, version FROM customers WHERE reseller_id = ? AND id = ?"

# Whether no more customers than that have an e-mail address; a search for one must not read a million of them.
MOST_SHARING = 64

FEW_SHARE = f"""
    (
        SELECT count(*) FROM (
            SELECT reseller_id FROM customer_emails WHERE email = ? LIMIT {MOST_SHARING + 1}
        ) AS sharing
    ) <= {MOST_SHARING}
"""

# The columns of events as `rows.event` takes them.
EVENT_COLUMNS = """
    e.reseller_id, e.sequence, e.account_id, e.type, e.at, e."user", e.source, e.correlation_id, e.changes, e.actor_id,
    e.address, e.reason, e.subject_type, e.subject_id
"""

# The resellers that a list is about: the one asked for and all below it.
BELOW = """
    WITH below (id) AS (
        SELECT b.reseller_id FROM reseller_accounts t
        JOIN reseller_accounts b ON b.first BETWEEN t.first AND t.last
        WHERE t.reseller_id = ?
    )
"""

# So few resellers are looked at one by one while other requests wait for that.
FEW_RESELLERS = 32
# A row where a list is about more.
MANY_BELOW = f"""
    SELECT 1 FROM reseller_accounts t JOIN reseller_accounts b ON b.first BETWEEN t.first AND t.last
    WHERE t.reseller_id = ? LIMIT 1 OFFSET {FEW_RESELLERS}
"""
