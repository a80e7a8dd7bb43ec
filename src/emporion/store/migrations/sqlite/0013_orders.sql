-- created_on, renewal_on, expiration_on: milliseconds of the midnight (UTC) that begins the day. mpns, vendor_ids: of its
-- products, one a line. listed, shown: the subscription as its reseller is shown it, in lists and by its id.
CREATE TABLE subscriptions (
    reseller_id INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    due_at INTEGER,
    customer_id INTEGER NOT NULL,
    plan_id INTEGER NOT NULL,
    status TEXT NOT NULL,
    created_on INTEGER NOT NULL,
    renewal_on INTEGER,
    expiration_on INTEGER,
    mpns TEXT NOT NULL,
    vendor_ids TEXT NOT NULL,
    listed BLOB NOT NULL,
    shown BLOB NOT NULL,
    document BLOB NOT NULL,
    PRIMARY KEY (reseller_id, ordinal)
) STRICT;
CREATE UNIQUE INDEX subscriptions_by_reseller ON subscriptions (reseller_id, id);
CREATE INDEX subscriptions_by_id ON subscriptions (id);
CREATE INDEX subscriptions_by_customer ON subscriptions (reseller_id, customer_id, ordinal);
CREATE INDEX subscriptions_by_status ON subscriptions (reseller_id, status, ordinal);
CREATE INDEX subscriptions_by_due ON subscriptions (due_at, id) WHERE due_at IS NOT NULL;

-- listed, listed_whole: in lists, the first without amounts, so that all see the same. listed_whole, shown: as the seller
-- sees it.
CREATE TABLE orders (
    reseller_id INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    due_at INTEGER,
    customer_id INTEGER NOT NULL,
    order_number TEXT NOT NULL,
    type TEXT NOT NULL,
    status TEXT NOT NULL,
    status_code TEXT NOT NULL,
    listed BLOB NOT NULL,
    listed_whole BLOB NOT NULL,
    shown BLOB NOT NULL,
    document BLOB NOT NULL,
    PRIMARY KEY (reseller_id, ordinal)
) STRICT;
CREATE UNIQUE INDEX orders_by_reseller ON orders (reseller_id, id);
CREATE INDEX orders_by_id ON orders (id);
CREATE UNIQUE INDEX orders_by_number ON orders (order_number);
CREATE INDEX orders_by_customer ON orders (reseller_id, customer_id, ordinal);
CREATE INDEX orders_by_status ON orders (reseller_id, status, ordinal);
CREATE INDEX orders_by_time ON orders (reseller_id, created_at);
CREATE INDEX orders_by_due ON orders (due_at, id) WHERE due_at IS NOT NULL;

-- The last number of each type of order, such as SO; there are no gaps.
CREATE TABLE order_numbers (
    prefix TEXT PRIMARY KEY,
    last INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Which orders have made or changed a subscription.
CREATE TABLE order_subscriptions (
    reseller_id INTEGER NOT NULL,
    subscription_id TEXT NOT NULL,
    order_id TEXT NOT NULL,
    PRIMARY KEY (reseller_id, subscription_id, order_id)
) STRICT, WITHOUT ROWID;

-- The ledger: what was charged for what, once for each link of the chain in which it was sold. Rows are only added.
-- number: 1, 2, 3… within the reseller that sells to the customer. link: 0 for vendor and provider, then one more.
CREATE TABLE charges (
    reseller_id INTEGER NOT NULL,
    number INTEGER NOT NULL,
    order_id TEXT NOT NULL,
    link INTEGER NOT NULL,
    at INTEGER NOT NULL,
    document BLOB NOT NULL,
    PRIMARY KEY (reseller_id, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX charges_by_order ON charges (reseller_id, order_id);

-- Customers whose status has changed so that their subscriptions and orders must follow. number: how often, so that a
-- worker which is at it learns of another change. Triggers write it, however a status was changed.
CREATE TABLE changed_customers (
    reseller_id INTEGER NOT NULL,
    customer_id INTEGER NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (reseller_id, customer_id)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER customers_held AFTER UPDATE OF status ON customers
WHEN new.status <> old.status AND (new.status IN ('adminHold', 'cancelled', 'error') OR old.status = 'adminHold') BEGIN
    INSERT INTO changed_customers (reseller_id, customer_id, number) VALUES (new.reseller_id, new.id, 1)
    ON CONFLICT (reseller_id, customer_id) DO UPDATE SET number = number + 1;
END;

-- How many documents of a collection have a status, in blocks of 32 ordinals (level 0), of 32 times as many (level 1)
-- and of 32 times as many again (level 2), so that the page at any offset is found by way of a few of them. Triggers
-- move it, so that it is right however the documents get there.
CREATE TABLE document_counts (
    reseller_id INTEGER NOT NULL,
    collection TEXT NOT NULL,
    value TEXT NOT NULL,
    level INTEGER NOT NULL,
    block INTEGER NOT NULL,
    documents INTEGER NOT NULL,
    PRIMARY KEY (reseller_id, collection, value, level, block)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER subscriptions_added AFTER INSERT ON subscriptions BEGIN
    INSERT INTO document_counts VALUES
        (new.reseller_id, 'subscriptions', new.status, 0, new.ordinal >> 5, 1),
        (new.reseller_id, 'subscriptions', new.status, 1, new.ordinal >> 10, 1),
        (new.reseller_id, 'subscriptions', new.status, 2, new.ordinal >> 15, 1)
    ON CONFLICT (reseller_id, collection, value, level, block) DO UPDATE SET documents = documents + 1;
END;
CREATE TRIGGER subscriptions_moved AFTER UPDATE OF status ON subscriptions WHEN new.status <> old.status BEGIN
    INSERT INTO document_counts VALUES
        (new.reseller_id, 'subscriptions', old.status, 0, new.ordinal >> 5, -1),
        (new.reseller_id, 'subscriptions', old.status, 1, new.ordinal >> 10, -1),
        (new.reseller_id, 'subscriptions', old.status, 2, new.ordinal >> 15, -1),
        (new.reseller_id, 'subscriptions', new.status, 0, new.ordinal >> 5, 1),
        (new.reseller_id, 'subscriptions', new.status, 1, new.ordinal >> 10, 1),
        (new.reseller_id, 'subscriptions', new.status, 2, new.ordinal >> 15, 1)
    ON CONFLICT (reseller_id, collection, value, level, block)
    DO UPDATE SET documents = documents + excluded.documents;
END;

CREATE TRIGGER orders_added AFTER INSERT ON orders BEGIN
    INSERT INTO document_counts VALUES
        (new.reseller_id, 'orders', new.status, 0, new.ordinal >> 5, 1),
        (new.reseller_id, 'orders', new.status, 1, new.ordinal >> 10, 1),
        (new.reseller_id, 'orders', new.status, 2, new.ordinal >> 15, 1)
    ON CONFLICT (reseller_id, collection, value, level, block) DO UPDATE SET documents = documents + 1;
END;
CREATE TRIGGER orders_moved AFTER UPDATE OF status ON orders WHEN new.status <> old.status BEGIN
    INSERT INTO document_counts VALUES
        (new.reseller_id, 'orders', old.status, 0, new.ordinal >> 5, -1),
        (new.reseller_id, 'orders', old.status, 1, new.ordinal >> 10, -1),
        (new.reseller_id, 'orders', old.status, 2, new.ordinal >> 15, -1),
        (new.reseller_id, 'orders', new.status, 0, new.ordinal >> 5, 1),
        (new.reseller_id, 'orders', new.status, 1, new.ordinal >> 10, 1),
        (new.reseller_id, 'orders', new.status, 2, new.ordinal >> 15, 1)
    ON CONFLICT (reseller_id, collection, value, level, block)
    DO UPDATE SET documents = documents + excluded.documents;
END;
