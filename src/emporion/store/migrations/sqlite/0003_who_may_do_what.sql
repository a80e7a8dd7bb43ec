-- What is said of a reseller, apart from the counters in `resellers`, which move with every write. first and last are
-- the numbers of the reseller and of all below it (store/tree.py), null until they are given. shuts counts those from
-- here to the top whose status shuts. emails has each folded address between two line ends.
CREATE TABLE reseller_accounts (
    reseller_id INTEGER PRIMARY KEY,
    parent_id INTEGER,
    first INTEGER,
    last INTEGER,
    shuts INTEGER NOT NULL DEFAULT 0,
    external_id TEXT,
    name_folded TEXT NOT NULL,
    emails TEXT NOT NULL DEFAULT '',
    status TEXT NOT NULL DEFAULT 'active',
    version INTEGER NOT NULL DEFAULT 1,
    created_at INTEGER NOT NULL DEFAULT 0,
    updated_at INTEGER NOT NULL DEFAULT 0,
    document BLOB NOT NULL
) STRICT;
INSERT INTO reseller_accounts (reseller_id, parent_id, name_folded, document)
SELECT reseller_id, parent_id, lower(name), CAST(
    '{"id":"' || reseller_id || '","name":' || json_quote(name) || ',"status":"active","language":"en"'
    || coalesce(',"resellerId":"' || parent_id || '"', '') || '}' AS BLOB)
FROM resellers;
CREATE INDEX reseller_accounts_by_first ON reseller_accounts (first);
CREATE INDEX reseller_accounts_by_parent ON reseller_accounts (parent_id, last);
CREATE UNIQUE INDEX reseller_accounts_by_external_id ON reseller_accounts (parent_id, external_id)
    WHERE external_id IS NOT NULL;
CREATE INDEX reseller_accounts_pending ON reseller_accounts (reseller_id) WHERE status = 'pending';
ALTER TABLE resellers DROP COLUMN name;

ALTER TABLE users ADD COLUMN role TEXT NOT NULL DEFAULT 'owner';
ALTER TABLE users ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
ALTER TABLE users ADD COLUMN created_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN used_at INTEGER;
ALTER TABLE users ADD COLUMN disabled_at INTEGER;

-- rate: requests per second; burst: how many may come at once.
ALTER TABLE subscription_keys ADD COLUMN name TEXT NOT NULL DEFAULT '';
ALTER TABLE subscription_keys ADD COLUMN rate INTEGER;
ALTER TABLE subscription_keys ADD COLUMN burst INTEGER;
ALTER TABLE subscription_keys ADD COLUMN per_day INTEGER;
ALTER TABLE subscription_keys ADD COLUMN created_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE subscription_keys ADD COLUMN used_at INTEGER;
ALTER TABLE subscription_keys ADD COLUMN revoked_at INTEGER;
CREATE INDEX subscription_keys_by_reseller ON subscription_keys (reseller_id);

CREATE TABLE clients (
    realm TEXT NOT NULL,
    id TEXT NOT NULL,
    reseller_id INTEGER NOT NULL,
    secret_digest BLOB NOT NULL,
    role TEXT NOT NULL,
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    used_at INTEGER,
    disabled_at INTEGER,
    PRIMARY KEY (realm, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX clients_by_reseller ON clients (reseller_id);

-- Ed25519, 32 bytes each. until is null while it signs.
CREATE TABLE signing_keys (
    id TEXT PRIMARY KEY,
    private BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    until INTEGER
) STRICT, WITHOUT ROWID;
ALTER TABLE platform DROP COLUMN signing_key;

-- Failed logins; a subject is a digest of a login, an address, or both.
CREATE TABLE login_failures (
    subject BLOB PRIMARY KEY,
    count INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    good_at INTEGER,
    kept_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX login_failures_by_time ON login_failures (kept_at);

-- What requests with an Idempotency-Key were answered. key: who asked for what, in hexadecimal digits; fingerprint: what
-- was sent.
CREATE TABLE answers (
    reseller_id INTEGER NOT NULL,
    key TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    account_id INTEGER NOT NULL,
    at INTEGER NOT NULL,
    document BLOB NOT NULL,
    PRIMARY KEY (reseller_id, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX answers_by_time ON answers (at);

ALTER TABLE events ADD COLUMN actor_id INTEGER;
ALTER TABLE events ADD COLUMN address TEXT;
ALTER TABLE events ADD COLUMN reason TEXT;
CREATE INDEX events_by_account ON events (reseller_id, account_id, sequence);

-- The order in which readers get the events of many resellers: those with the sequences first…last of a reseller have
-- the positions up to until, which is that of the last.
CREATE TABLE feed (
    reseller_id INTEGER NOT NULL,
    until INTEGER NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    PRIMARY KEY (reseller_id, until)
) STRICT, WITHOUT ROWID;
CREATE INDEX feed_by_until ON feed (until);
