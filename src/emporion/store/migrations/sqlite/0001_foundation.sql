-- The embedded store. Everything that belongs to a reseller names it; accounts, logins, users, keys and the
-- platform itself belong to the whole platform, because what they hold must be unique or found there.

CREATE TABLE platform (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    signing_key BLOB NOT NULL,
    sandbox INTEGER NOT NULL
) STRICT;

-- The one id space. reseller_id is the owner of a customer, the parent of a reseller, null for the provider.
CREATE TABLE accounts (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('reseller', 'customer')),
    reseller_id INTEGER
) STRICT;

-- customers and events count what the reseller has: the last ordinal and the last sequence given.
CREATE TABLE resellers (
    reseller_id INTEGER PRIMARY KEY,
    parent_id INTEGER,
    name TEXT NOT NULL,
    customers INTEGER NOT NULL DEFAULT 0,
    events INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX resellers_by_parent ON resellers (parent_id);

-- Users and administrators who sign in, by login. customer_id is null for an API user; position is that of the contact
-- person.
CREATE TABLE logins (
    login TEXT NOT NULL COLLATE NOCASE PRIMARY KEY,
    reseller_id INTEGER NOT NULL,
    customer_id INTEGER,
    position INTEGER,
    password_hash TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX logins_by_customer ON logins (reseller_id, customer_id) WHERE customer_id IS NOT NULL;

CREATE TABLE users (
    reseller_id INTEGER NOT NULL,
    login TEXT NOT NULL COLLATE NOCASE,
    marketplace TEXT NOT NULL,
    PRIMARY KEY (reseller_id, login)
) STRICT, WITHOUT ROWID;

CREATE TABLE subscription_keys (
    digest BLOB PRIMARY KEY,
    reseller_id INTEGER NOT NULL,
    api_version TEXT
) STRICT, WITHOUT ROWID;

-- place is reseller_id * 2^32 + ordinal: rows stand on disk by reseller and in order, so that a page of a list is
-- one walk, and the search index, which knows a row by one number only, can be asked for one reseller's part.
CREATE TABLE customers (
    place INTEGER PRIMARY KEY,
    reseller_id INTEGER NOT NULL,
    id INTEGER NOT NULL,
    external_id TEXT,
    name_folded TEXT NOT NULL,
    status TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    summary BLOB NOT NULL,
    document BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX customers_by_id ON customers (reseller_id, id);
CREATE UNIQUE INDEX customers_by_external_id ON customers (reseller_id, external_id) WHERE external_id IS NOT NULL;
CREATE INDEX customers_pending ON customers (status, id) WHERE status = 'pending';

CREATE VIRTUAL TABLE customer_names USING fts5 (
    name_folded, content = 'customers', content_rowid = 'place', columnsize = 0, tokenize = 'trigram case_sensitive 1'
);

CREATE TABLE customer_emails (
    reseller_id INTEGER NOT NULL,
    email TEXT NOT NULL,
    place INTEGER NOT NULL,
    PRIMARY KEY (reseller_id, email, place)
) STRICT, WITHOUT ROWID;

CREATE TABLE events (
    reseller_id INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    account_id INTEGER NOT NULL,
    type TEXT NOT NULL,
    at INTEGER NOT NULL,
    user TEXT,
    door TEXT NOT NULL,
    correlation_id TEXT,
    changes TEXT NOT NULL,
    PRIMARY KEY (reseller_id, sequence)
) STRICT, WITHOUT ROWID;
