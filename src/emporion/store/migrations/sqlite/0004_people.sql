-- People who are signed in to the console or a control panel; a request with a session names no reseller.
CREATE TABLE sessions (
    digest BLOB PRIMARY KEY,
    login TEXT NOT NULL COLLATE NOCASE,
    reseller_id INTEGER NOT NULL,
    customer_id INTEGER,
    proof BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    used_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    address TEXT,
    agent TEXT NOT NULL,
    ended_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_by_login ON sessions (login, created_at DESC, digest);
CREATE INDEX sessions_by_end ON sessions (ends_at);

-- One-time links by which administrators set their passwords; one for each login.
CREATE TABLE links (
    digest BLOB PRIMARY KEY,
    login TEXT NOT NULL COLLATE NOCASE,
    reseller_id INTEGER NOT NULL,
    customer_id INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    used_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX links_by_login ON links (login);
CREATE INDEX links_by_end ON links (ends_at);

-- An administrator who has forgotten the login is found by the address, on the whole platform.
CREATE INDEX customer_emails_by_email ON customer_emails (email);

-- What came with each subscription key, day by day since 1970.
CREATE TABLE usage (
    reseller_id INTEGER NOT NULL,
    day INTEGER NOT NULL,
    key TEXT NOT NULL,
    requests INTEGER NOT NULL,
    refusals INTEGER NOT NULL,
    PRIMARY KEY (reseller_id, day, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX usage_by_day ON usage (day);

-- How many customers have a status now (day is 0), and how many were created on a day (status is empty). Triggers move
-- it, so that it is right however the customers get there.
CREATE TABLE customer_counts (
    reseller_id INTEGER NOT NULL,
    day INTEGER NOT NULL,
    status TEXT NOT NULL,
    customers INTEGER NOT NULL,
    PRIMARY KEY (reseller_id, day, status)
) STRICT, WITHOUT ROWID;
INSERT INTO customer_counts SELECT reseller_id, 0, status, count(*) FROM customers GROUP BY reseller_id, status;
INSERT INTO customer_counts
SELECT reseller_id, created_at / 86400000, '', count(*) FROM customers GROUP BY reseller_id, created_at / 86400000;

CREATE TRIGGER customers_added AFTER INSERT ON customers BEGIN
    INSERT INTO customer_counts VALUES
        (new.reseller_id, 0, new.status, 1),
        (new.reseller_id, new.created_at / 86400000, '', 1)
    ON CONFLICT (reseller_id, day, status) DO UPDATE SET customers = customers + 1;
END;
CREATE TRIGGER customers_moved AFTER UPDATE OF status ON customers WHEN new.status <> old.status BEGIN
    UPDATE customer_counts SET customers = customers - 1
    WHERE reseller_id = old.reseller_id AND day = 0 AND status = old.status;
    INSERT INTO customer_counts VALUES (new.reseller_id, 0, new.status, 1)
    ON CONFLICT (reseller_id, day, status) DO UPDATE SET customers = customers + 1;
END;

-- Each entry ends in the place: those of one status stand in the order of lists.
CREATE INDEX customers_by_status ON customers (reseller_id, status);
