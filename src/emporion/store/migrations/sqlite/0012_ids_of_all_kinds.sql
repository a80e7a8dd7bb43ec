-- The one id space is that of plans, products, orders and subscriptions as well. reseller_id: whose order or
-- subscription it is; the provider for what is in the catalogue.
CREATE TABLE ids (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('reseller', 'customer', 'plan', 'product', 'order', 'subscription')),
    reseller_id INTEGER
) STRICT;
INSERT INTO ids SELECT id, kind, reseller_id FROM accounts;
DROP TABLE accounts;
ALTER TABLE ids RENAME TO accounts;
