-- created_on, renewal_on, expiration_on: milliseconds of the midnight (UTC) that begins the day. mpns, vendor_ids: of its
-- products, one a line. listed, shown: the subscription as its reseller is shown it, in lists and by its id.
CREATE TABLE subscriptions (
    reseller_id bigint NOT NULL,
    ordinal bigint NOT NULL,
    id text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    created_at bigint NOT NULL,
    due_at bigint,
    customer_id bigint NOT NULL,
    plan_id bigint NOT NULL,
    status text COLLATE "C" NOT NULL,
    created_on bigint NOT NULL,
    renewal_on bigint,
    expiration_on bigint,
    mpns text COLLATE "C" NOT NULL,
    vendor_ids text COLLATE "C" NOT NULL,
    listed bytea NOT NULL,
    shown bytea NOT NULL,
    document bytea NOT NULL,
    PRIMARY KEY (reseller_id, ordinal)
);
CREATE UNIQUE INDEX subscriptions_by_reseller ON subscriptions (reseller_id, id);
CREATE INDEX subscriptions_by_id ON subscriptions (id);
CREATE INDEX subscriptions_by_customer ON subscriptions (reseller_id, customer_id, ordinal);
CREATE INDEX subscriptions_by_status ON subscriptions (reseller_id, status, ordinal);
CREATE INDEX subscriptions_by_due ON subscriptions (due_at, id) WHERE due_at IS NOT NULL;

-- listed, listed_whole: in lists, the first without amounts, so that all see the same. listed_whole, shown: as the seller
-- sees it.
CREATE TABLE orders (
    reseller_id bigint NOT NULL,
    ordinal bigint NOT NULL,
    id text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    created_at bigint NOT NULL,
    due_at bigint,
    customer_id bigint NOT NULL,
    order_number text COLLATE "C" NOT NULL,
    type text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL,
    status_code text COLLATE "C" NOT NULL,
    listed bytea NOT NULL,
    listed_whole bytea NOT NULL,
    shown bytea NOT NULL,
    document bytea NOT NULL,
    PRIMARY KEY (reseller_id, ordinal)
);
CREATE UNIQUE INDEX orders_by_reseller ON orders (reseller_id, id);
CREATE INDEX orders_by_id ON orders (id);
CREATE UNIQUE INDEX orders_by_number ON orders (order_number);
CREATE INDEX orders_by_customer ON orders (reseller_id, customer_id, ordinal);
CREATE INDEX orders_by_status ON orders (reseller_id, status, ordinal);
CREATE INDEX orders_by_time ON orders (reseller_id, created_at);
CREATE INDEX orders_by_due ON orders (due_at, id) WHERE due_at IS NOT NULL;

-- The last number of each type of order, such as SO; there are no gaps.
CREATE TABLE order_numbers (
    prefix text COLLATE "C" PRIMARY KEY,
    last bigint NOT NULL
);

-- Which orders have made or changed a subscription.
CREATE TABLE order_subscriptions (
    reseller_id bigint NOT NULL,
    subscription_id text COLLATE "C" NOT NULL,
    order_id text COLLATE "C" NOT NULL,
    PRIMARY KEY (reseller_id, subscription_id, order_id)
);

-- The ledger: what was charged for what, once for each link of the chain in which it was sold. Rows are only added.
-- number: 1, 2, 3… within the reseller that sells to the customer. link: 0 for vendor and provider, then one more.
CREATE TABLE charges (
    reseller_id bigint NOT NULL,
    number bigint NOT NULL,
    order_id text COLLATE "C" NOT NULL,
    link bigint NOT NULL,
    at bigint NOT NULL,
    document bytea NOT NULL,
    PRIMARY KEY (reseller_id, number)
);
CREATE INDEX charges_by_order ON charges (reseller_id, order_id);

-- Customers whose status has changed so that their subscriptions and orders must follow. number: how often, so that a
-- worker which is at it learns of another change. Triggers write it, however a status was changed.
CREATE TABLE changed_customers (
    reseller_id bigint NOT NULL,
    customer_id bigint NOT NULL,
    number bigint NOT NULL,
    PRIMARY KEY (reseller_id, customer_id)
);
CREATE FUNCTION note_changed_customer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO changed_customers AS c (reseller_id, customer_id, number) VALUES (new.reseller_id, new.id, 1)
    ON CONFLICT (reseller_id, customer_id) DO UPDATE SET number = c.number + 1;
    RETURN NULL;
END
$$;
CREATE TRIGGER customers_held AFTER UPDATE ON customers FOR EACH ROW
WHEN (new.status <> old.status AND (new.status IN ('adminHold', 'cancelled', 'error') OR old.status = 'adminHold'))
EXECUTE FUNCTION note_changed_customer();

-- How many documents of a collection have a status, in blocks of 32 ordinals (level 0), of 32 times as many (level 1)
-- and of 32 times as many again (level 2), so that the page at any offset is found by way of a few of them. Triggers
-- move it, so that it is right however the documents get there. A transaction that writes documents holds their
-- reseller first, so there is no deadlock here.
CREATE TABLE document_counts (
    reseller_id bigint NOT NULL,
    collection text COLLATE "C" NOT NULL,
    value text COLLATE "C" NOT NULL,
    level int NOT NULL,
    block bigint NOT NULL,
    documents bigint NOT NULL,
    PRIMARY KEY (reseller_id, collection, value, level, block)
) WITH (fillfactor = 50);

CREATE FUNCTION count_added_documents() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    INSERT INTO document_counts AS k (reseller_id, collection, value, level, block, documents)
    SELECT a.reseller_id, TG_TABLE_NAME, a.status, l.level, a.ordinal >> l.bits, count(*)
    FROM added a CROSS JOIN (VALUES (0, 5), (1, 10), (2, 15)) AS l (level, bits)
    GROUP BY 1, 3, 4, 5 ORDER BY 1, 3, 4, 5
    ON CONFLICT (reseller_id, collection, value, level, block) DO UPDATE SET documents = k.documents + excluded.documents;
    RETURN NULL;
END
$$;

CREATE FUNCTION count_moved_document() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    INSERT INTO document_counts AS k (reseller_id, collection, value, level, block, documents) VALUES
        (NEW.reseller_id, TG_TABLE_NAME, OLD.status, 0, NEW.ordinal >> 5, -1),
        (NEW.reseller_id, TG_TABLE_NAME, OLD.status, 1, NEW.ordinal >> 10, -1),
        (NEW.reseller_id, TG_TABLE_NAME, OLD.status, 2, NEW.ordinal >> 15, -1),
        (NEW.reseller_id, TG_TABLE_NAME, NEW.status, 0, NEW.ordinal >> 5, 1),
        (NEW.reseller_id, TG_TABLE_NAME, NEW.status, 1, NEW.ordinal >> 10, 1),
        (NEW.reseller_id, TG_TABLE_NAME, NEW.status, 2, NEW.ordinal >> 15, 1)
    ON CONFLICT (reseller_id, collection, value, level, block) DO UPDATE SET documents = k.documents + excluded.documents;
    RETURN NULL;
END
$$;

CREATE TRIGGER subscriptions_added AFTER INSERT ON subscriptions
REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION count_added_documents();
CREATE TRIGGER subscriptions_moved AFTER UPDATE OF status ON subscriptions
FOR EACH ROW WHEN (NEW.status <> OLD.status) EXECUTE FUNCTION count_moved_document();

CREATE TRIGGER orders_added AFTER INSERT ON orders
REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION count_added_documents();
CREATE TRIGGER orders_moved AFTER UPDATE OF status ON orders
FOR EACH ROW WHEN (NEW.status <> OLD.status) EXECUTE FUNCTION count_moved_document();
