"""The SQL that both databases understand, with plain placeholders: each ? stands for the next value."""
# ruff: noqa: S608 - put together from what stands here

PLATFORM = "SELECT sandbox FROM platform"

SIGNING_KEYS = "SELECT id, private, created_at, until FROM signing_keys ORDER BY created_at DESC, id"

IS_WITHIN = """
    SELECT 1 FROM reseller_accounts b JOIN reseller_accounts t ON b.first BETWEEN t.first AND t.last
    WHERE b.reseller_id = ? AND t.reseller_id = ?
"""

SHUTS = "SELECT shuts FROM reseller_accounts WHERE reseller_id = ?"

RESELLER = "SELECT version, document FROM reseller_accounts WHERE reseller_id = ?"

WAITING_RESELLERS = """
    SELECT reseller_id, version, document FROM reseller_accounts WHERE status = 'pending' ORDER BY reseller_id LIMIT ?
"""

CHILDREN = """
    SELECT c.document, (SELECT count(*) FROM reseller_accounts b WHERE b.first > c.first AND b.first <= c.last)
    FROM reseller_accounts c WHERE c.reseller_id IN (
        SELECT reseller_id FROM reseller_accounts WHERE parent_id = ? ORDER BY reseller_id DESC LIMIT ? OFFSET ?
    ) ORDER BY c.reseller_id DESC
"""
CHILDREN_COUNT = "SELECT count(*) FROM reseller_accounts WHERE parent_id = ?"

_USER = """
    SELECT l.login, l.reseller_id, u.marketplace, l.password_hash, u.role, u.version, u.created_at, u.used_at,
        u.disabled_at
    FROM logins l JOIN users u ON u.reseller_id = l.reseller_id AND u.login = l.login
    WHERE
"""
# Ends in the comparison with a login, which is the store's own.
USER = _USER
USERS = f"{_USER} u.reseller_id = ? ORDER BY u.login"

_KEY = """
    SELECT digest, reseller_id, api_version, name, rate, burst, per_day, created_at, used_at, revoked_at
    FROM subscription_keys
"""
KEY = f"{_KEY} WHERE digest = ?"
KEYS = f"{_KEY} WHERE reseller_id = ? ORDER BY created_at, digest"

_CLIENT = """
    SELECT realm, id, reseller_id, secret_digest, role, name, version, created_at, used_at, disabled_at FROM clients
"""
CLIENT = f"{_CLIENT} WHERE realm = ? AND id = ?"
CLIENTS = f"{_CLIENT} WHERE reseller_id = ? ORDER BY realm, id"

OWNER = "SELECT reseller_id FROM accounts WHERE id = ? AND kind = 'customer'"

DOCUMENT = "SELECT document, version FROM customers WHERE reseller_id = ? AND id = ?"

CUSTOMER = "SELECT version, document FROM customers WHERE reseller_id = ? AND id = ?"

LOGINS = """
    SELECT position, login, password_hash FROM logins
    WHERE reseller_id = ? AND customer_id = ? AND customer_id IS NOT NULL ORDER BY position
"""

ANSWER = "SELECT fingerprint, subject_id, document FROM answers WHERE reseller_id = ? AND key = ? AND at >= ?"

# Whether no more customers than that have an e-mail address; whoever looks for one must not read a million of them.
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
_EVENT = f"SELECT {EVENT_COLUMNS} FROM events e WHERE e.reseller_id = ?"
EVENTS = f"{_EVENT} AND e.sequence > ? ORDER BY e.sequence LIMIT ?"
_ACCOUNT_EVENT = f"{_EVENT} AND e.account_id = ?"
LAST_ACCOUNT_EVENTS = f"{_ACCOUNT_EVENT} AND e.sequence < ? ORDER BY e.sequence DESC LIMIT ?"
ACCOUNT_EVENTS = f"{_ACCOUNT_EVENT} AND e.sequence > ? ORDER BY e.sequence LIMIT ?"
_SUBJECT_EVENT = f"{_EVENT} AND e.subject_type = ? AND e.subject_id = ?"
LAST_SUBJECT_EVENTS = f"{_SUBJECT_EVENT} AND e.sequence < ? ORDER BY e.sequence DESC LIMIT ?"

# The reseller in whose log the events about an account stand, and about anything else, where it is below another one.
ACCOUNT_LOG = """
    SELECT b.reseller_id FROM accounts a
    JOIN reseller_accounts b ON b.reseller_id = CASE a.kind WHEN 'reseller' THEN a.id ELSE a.reseller_id END
    JOIN reseller_accounts t ON b.first BETWEEN t.first AND t.last
    WHERE t.reseller_id = ? AND a.id = ? AND a.kind = ?
"""
SUBJECT_LOG = """
    SELECT b.reseller_id FROM events e JOIN reseller_accounts b ON b.reseller_id = e.reseller_id
    JOIN reseller_accounts t ON b.first BETWEEN t.first AND t.last
    WHERE t.reseller_id = ? AND e.subject_type = ? AND e.subject_id = ? LIMIT 1
"""

# Events of one log with positions above one; takes the log, the condition's values, the position twice, the log, the
# position, the log and how many.
_FED_EVENT = f"""
    SELECT (
        SELECT f.until - f.last FROM feed f WHERE f.reseller_id = e.reseller_id AND f.last >= e.sequence
        ORDER BY f.last LIMIT 1
    ) + e.sequence, {EVENT_COLUMNS}
    FROM events e WHERE e.reseller_id = ? AND {{}} AND e.sequence > (
        SELECT CASE WHEN f.until - f.last + f.first > ? THEN f.first - 1 ELSE f.last - f.until + ? END
        FROM feed f WHERE f.reseller_id = ? AND f.until > ? ORDER BY f.until LIMIT 1
    ) AND e.sequence <= (SELECT f.last FROM feed f WHERE f.reseller_id = ? ORDER BY f.until DESC LIMIT 1)
    ORDER BY e.sequence LIMIT ?
"""
FEED_OF_ACCOUNT = _FED_EVENT.format("e.account_id = ? AND e.subject_id IS NULL")
FEED_OF_SUBJECT = _FED_EVENT.format("e.subject_type = ? AND e.subject_id = ?")

FEED_END = "SELECT until FROM feed ORDER BY until DESC LIMIT 1"

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

# Whether one of these resellers has an event above a position, or one without, and where the feed ends. A part of it
# ends where its log ended when it was read: what no part ends with has not been read.
AHEAD = f"""
    {BELOW}
    SELECT EXISTS (
        SELECT 1 FROM below CROSS JOIN resellers r
        WHERE r.reseller_id = below.id AND r.events > 0 AND coalesce((
            SELECT CASE WHEN f.until > ? THEN 1 ELSE 0 END FROM feed f
            WHERE f.reseller_id = r.reseller_id AND f.last = r.events
        ), 1) = 1
    ), coalesce(({FEED_END}), 0)
"""

WRITTEN = f"{BELOW} SELECT sum(events) FROM resellers JOIN below ON reseller_id = id"

# Resellers whose logs go further than the feed: the last sequence that it has, and the last that there is.
NEWS = f"""
    {BELOW}
    SELECT n.reseller_id, n.fed, n.events FROM (
        SELECT r.reseller_id, r.events, coalesce(
            (SELECT f.last FROM feed f WHERE f.reseller_id = r.reseller_id ORDER BY f.until DESC LIMIT 1), 0
        ) AS fed
        FROM resellers r JOIN below ON r.reseller_id = below.id
    ) n
    WHERE n.events > n.fed ORDER BY n.reseller_id
"""

FEED_ADD = "INSERT INTO feed (reseller_id, until, first, last) VALUES (?, ?, ?, ?)"

# The statements about a login have a place for the comparison with it, as `l`, which is the store's own.
_SESSION = """
    SELECT digest, login, reseller_id, customer_id, proof, created_at, used_at, ends_at, address, agent, ended_at
    FROM sessions l
"""
SESSION = f"{_SESSION} WHERE digest = ?"
SESSIONS = f"{_SESSION} WHERE {{login_is}} ORDER BY created_at DESC, digest LIMIT ?"
ADD_SESSION = """
    INSERT INTO sessions (
        digest, login, reseller_id, customer_id, proof, created_at, used_at, ends_at, address, agent, ended_at
    ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
# Takes the time, the digest, and the time again.
USE_SESSION = "UPDATE sessions SET used_at = ? WHERE digest = ? AND used_at < ?"

# The login of a customer has the customer's id, that of a reseller its own, that of a user none.
ADMINISTRATOR = """
    SELECT l.login, l.reseller_id, l.customer_id, l.position, l.password_hash FROM logins l
    WHERE l.customer_id <> l.reseller_id AND {login_is}
"""

LINK = "SELECT digest, login, reseller_id, customer_id, created_at, ends_at, used_at FROM links WHERE digest = ?"
DROP_LINKS = "DELETE FROM links AS l WHERE {login_is}"
ADD_LINK = """
    INSERT INTO links (digest, login, reseller_id, customer_id, created_at, ends_at, used_at)
    VALUES (?, ?, ?, ?, ?, ?, ?)
"""

USAGE = f"""
    {BELOW}
    SELECT day, CAST(sum(requests) AS bigint), CAST(sum(refusals) AS bigint)
    FROM below CROSS JOIN usage WHERE reseller_id = below.id AND day >= ? GROUP BY day ORDER BY day
"""
USAGE_OF_KEY = """
    SELECT day, requests, refusals FROM usage WHERE reseller_id = ? AND day >= ? AND key = ? ORDER BY day
"""

# Two walks: a reseller has more days than anybody asks for.
COUNTS = f"""
    {BELOW}
    SELECT status, day, CAST(sum(customers) AS bigint) FROM (
        SELECT status, day, customers FROM below CROSS JOIN customer_counts
        WHERE reseller_id = below.id AND day = 0 AND status <> '' AND customers > 0
        UNION ALL
        SELECT status, day, customers FROM below CROSS JOIN customer_counts
        WHERE reseller_id = below.id AND day >= ? AND status = ''
    ) c
    GROUP BY status, day
"""

PART = "SELECT content FROM import_parts WHERE reseller_id = ? AND import_id = ? AND number = ?"

_IMPORT = "SELECT document, state, holder FROM imports i"
IMPORT = f"{_IMPORT} WHERE i.id = ?"
IMPORTS = f"{BELOW} {_IMPORT} JOIN below b ON i.reseller_id = b.id ORDER BY i.created_at DESC, i.id LIMIT ?"
ARRIVING = f"{_IMPORT} WHERE state = 'arriving' AND created_at < ? ORDER BY created_at, id LIMIT ?"
IMPORT_TO_DO = """
    SELECT id FROM imports WHERE stored AND state IN ('checking', 'running')
        AND (held_until < ? OR held_until > ? OR holder = ?)
    ORDER BY held_until, created_at LIMIT 1
"""

FAULTY_ROWS = """
    SELECT number, line, faults, kept FROM import_faults
    WHERE reseller_id = ? AND import_id = ? AND number > ? ORDER BY number LIMIT ?
"""
