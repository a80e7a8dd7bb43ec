"""The SQL that both databases understand, with SQLite's numbered placeholders: ?1 stands for the first value."""
# ruff: noqa: S608 - put together from what stands here

PLATFORM = "SELECT sandbox FROM platform"

SIGNING_KEYS = "SELECT id, private, created_at, until FROM signing_keys ORDER BY created_at DESC, id"

IS_WITHIN = """
    SELECT 1 FROM reseller_accounts b JOIN reseller_accounts t ON b.first BETWEEN t.first AND t.last
    WHERE b.reseller_id = ?1 AND t.reseller_id = ?2
"""

SHUTS = "SELECT shuts FROM reseller_accounts WHERE reseller_id = ?1"

RESELLER = "SELECT version, document FROM reseller_accounts WHERE reseller_id = ?1"

WAITING_RESELLERS = """
    SELECT reseller_id, version, document FROM reseller_accounts WHERE status = 'pending' ORDER BY reseller_id LIMIT ?1
"""

_USER = """
    SELECT l.login, l.reseller_id, u.marketplace, l.password_hash, u.role, u.version, u.created_at, u.used_at,
        u.disabled_at
    FROM logins l JOIN users u ON u.reseller_id = l.reseller_id AND u.login = l.login
    WHERE
"""
# Ends in the comparison with a login, which is the store's own.
USER = _USER
USERS = f"{_USER} u.reseller_id = ?1 ORDER BY u.login"

_KEY = """
    SELECT digest, reseller_id, api_version, name, rate, burst, per_day, created_at, used_at, revoked_at
    FROM subscription_keys
"""
KEY = f"{_KEY} WHERE digest = ?1"
KEYS = f"{_KEY} WHERE reseller_id = ?1 ORDER BY created_at, digest"

_CLIENT = """
    SELECT realm, id, reseller_id, secret_digest, role, name, version, created_at, used_at, disabled_at FROM clients
"""
CLIENT = f"{_CLIENT} WHERE realm = ?1 AND id = ?2"
CLIENTS = f"{_CLIENT} WHERE reseller_id = ?1 ORDER BY realm, id"

OWNER = "SELECT reseller_id FROM accounts WHERE id = ?1 AND kind = 'customer'"

DOCUMENT = "SELECT document, version FROM customers WHERE reseller_id = ?1 AND id = ?2"

CUSTOMER = "SELECT version, document FROM customers WHERE reseller_id = ?1 AND id = ?2"

LOGINS = """
    SELECT position, login, password_hash FROM logins
    WHERE reseller_id = ?1 AND customer_id = ?2 AND customer_id IS NOT NULL ORDER BY position
"""

ANSWER = "SELECT fingerprint, account_id, document FROM answers WHERE reseller_id = ?1 AND key = ?2 AND at >= ?3"

_EVENT = """
    SELECT reseller_id, sequence, account_id, type, at, "user", door, correlation_id, changes, actor_id, address, reason
    FROM events WHERE reseller_id = ?1 AND
"""
EVENTS = f"{_EVENT} sequence > ?2 ORDER BY sequence LIMIT ?3"
ACCOUNT_EVENTS = f"{_EVENT} account_id = ?2 AND sequence > ?3 ORDER BY sequence LIMIT ?4"

FEED_END = "SELECT until FROM feed ORDER BY until DESC LIMIT 1"

# The resellers that a list is about: the one asked for and all below it.
BELOW = """
    WITH below (id) AS (
        SELECT b.reseller_id FROM reseller_accounts t
        JOIN reseller_accounts b ON b.first BETWEEN t.first AND t.last
        WHERE t.reseller_id = ?1
    )
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

FEED_ADD = "INSERT INTO feed (reseller_id, until, first, last) VALUES (?1, ?2, ?3, ?4)"
