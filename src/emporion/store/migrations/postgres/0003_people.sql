-- People who are signed in to the console or a control panel. Like links, they belong to the whole platform: a request
-- with one names no reseller. folded: the login in lower case.
CREATE TABLE sessions (
    digest bytea PRIMARY KEY,
    login text COLLATE "C" NOT NULL,
    folded text COLLATE "C" NOT NULL GENERATED ALWAYS AS (lower(login)) STORED,
    reseller_id bigint NOT NULL,
    customer_id bigint,
    proof bytea NOT NULL,
    created_at bigint NOT NULL,
    used_at bigint NOT NULL,
    ends_at bigint NOT NULL,
    address text,
    agent text NOT NULL,
    ended_at bigint
);
CREATE INDEX sessions_by_login ON sessions (folded, created_at DESC, digest);
CREATE INDEX sessions_by_end ON sessions (ends_at);

-- One-time links by which administrators set their passwords; one for each login.
CREATE TABLE links (
    digest bytea PRIMARY KEY,
    login text COLLATE "C" NOT NULL,
    folded text COLLATE "C" NOT NULL GENERATED ALWAYS AS (lower(login)) STORED,
    reseller_id bigint NOT NULL,
    customer_id bigint NOT NULL,
    created_at bigint NOT NULL,
    ends_at bigint NOT NULL,
    used_at bigint
);
CREATE INDEX links_by_login ON links (folded);
CREATE INDEX links_by_end ON links (ends_at);

-- An administrator who has forgotten the login is found by the address, on the whole platform.
CREATE INDEX customer_emails_by_email ON customer_emails (email);

-- What came with each subscription key, day by day since 1970.
CREATE TABLE usage (
    reseller_id bigint,
    day bigint,
    key text COLLATE "C",
    requests bigint NOT NULL,
    refusals bigint NOT NULL,
    PRIMARY KEY (reseller_id, day, key)
);
CREATE INDEX usage_by_day ON usage (day);

-- How many customers have a status now (day is 0), and how many were created on a day (status is empty). Triggers move
-- it, so that it is right however the customers get there. A transaction that writes customers holds their resellers
-- first, so there is no deadlock here. Rows are updated with most writes, hence the room on their pages.
CREATE TABLE customer_counts (
    reseller_id bigint,
    day bigint,
    status text COLLATE "C",
    customers bigint NOT NULL,
    PRIMARY KEY (reseller_id, day, status)
) WITH (fillfactor = 50);
INSERT INTO customer_counts (reseller_id, day, status, customers)
SELECT reseller_id, 0, status, count(*) FROM customers GROUP BY reseller_id, status;
INSERT INTO customer_counts (reseller_id, day, status, customers)
SELECT reseller_id, created_at / 86400000, '', count(*) FROM customers GROUP BY reseller_id, created_at / 86400000;

CREATE FUNCTION count_added_customers() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    INSERT INTO customer_counts AS k (reseller_id, day, status, customers)
    SELECT a.reseller_id, c.day, c.status, count(*)
    FROM added a CROSS JOIN LATERAL (VALUES (0, a.status), (a.created_at / 86400000, '')) AS c (day, status)
    GROUP BY a.reseller_id, c.day, c.status ORDER BY a.reseller_id, c.day, c.status
    ON CONFLICT (reseller_id, day, status) DO UPDATE SET customers = k.customers + excluded.customers;
    RETURN NULL;
END
$$;
CREATE TRIGGER customers_added AFTER INSERT ON customers
REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION count_added_customers();

CREATE FUNCTION count_moved_customers() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    INSERT INTO customer_counts AS k (reseller_id, day, status, customers)
    SELECT m.reseller_id, 0, m.status, sum(m.step)
    FROM (
        SELECT n.reseller_id, n.status, 1 AS step FROM now_so n
        UNION ALL
        SELECT b.reseller_id, b.status, -1 FROM before_so b
    ) m
    GROUP BY m.reseller_id, m.status HAVING sum(m.step) <> 0 ORDER BY m.reseller_id, m.status
    ON CONFLICT (reseller_id, day, status) DO UPDATE SET customers = k.customers + excluded.customers;
    RETURN NULL;
END
$$;
CREATE TRIGGER customers_moved AFTER UPDATE ON customers
REFERENCING OLD TABLE AS before_so NEW TABLE AS now_so FOR EACH STATEMENT EXECUTE FUNCTION count_moved_customers();

-- Ids have the order of lists.
CREATE INDEX customers_by_status ON customers (reseller_id, status, id);
