"""The SQL that both databases understand, with SQLite's numbered placeholders: ?1 stands for the first value."""

PLATFORM = "SELECT signing_key, sandbox FROM platform"

IS_WITHIN = """
    WITH RECURSIVE above (id) AS (
        SELECT reseller_id FROM resellers WHERE reseller_id = ?1
        UNION ALL
        SELECT r.parent_id FROM resellers r JOIN above ON r.reseller_id = above.id WHERE r.parent_id IS NOT NULL
    )
    SELECT 1 FROM above WHERE id = ?2
"""

# Ends in the comparison with a login, which is the store's own.
USER = """
    SELECT l.login, l.reseller_id, u.marketplace, l.password_hash
    FROM logins l JOIN users u ON u.reseller_id = l.reseller_id AND u.login = l.login
    WHERE
"""

KEY = "SELECT digest, reseller_id, api_version FROM subscription_keys WHERE digest = ?1"

OWNER = "SELECT reseller_id FROM accounts WHERE id = ?1 AND kind = 'customer'"

DOCUMENT = "SELECT document FROM customers WHERE reseller_id = ?1 AND id = ?2"

CUSTOMER = "SELECT version, document FROM customers WHERE reseller_id = ?1 AND id = ?2"

LOGINS = """
    SELECT position, login, password_hash FROM logins
    WHERE reseller_id = ?1 AND customer_id = ?2 AND customer_id IS NOT NULL ORDER BY position
"""

EVENTS = """
    SELECT reseller_id, sequence, account_id, type, at, "user", door, correlation_id, changes
    FROM events WHERE reseller_id = ?1 AND sequence > ?2 ORDER BY sequence LIMIT ?3
"""

# The resellers that a list is about: the one asked for and all below it.
BELOW = """
    WITH RECURSIVE below (id) AS (
        SELECT reseller_id FROM resellers WHERE reseller_id = ?1
        UNION ALL SELECT r.reseller_id FROM resellers r JOIN below ON r.parent_id = below.id
    )
"""
