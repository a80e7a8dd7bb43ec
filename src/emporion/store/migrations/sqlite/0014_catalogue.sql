-- The catalogue: what stood in the files that were applied. Nothing is deleted from it; what has left the file is
-- retired. One row for each apply that changed anything; the last version is that of the catalogue.
CREATE TABLE catalogue (
    version INTEGER PRIMARY KEY,
    applied_at INTEGER NOT NULL
) STRICT;

-- Vendors and services. position: where it stood in its file. is_retired: 1 where it has left it.
CREATE TABLE catalogue_parts (
    kind TEXT NOT NULL CHECK (kind IN ('vendor', 'service')),
    key TEXT NOT NULL,
    position INTEGER NOT NULL,
    is_retired INTEGER NOT NULL,
    definition BLOB NOT NULL,
    PRIMARY KEY (kind, key)
) STRICT, WITHOUT ROWID;

-- is_for_all: 1 where it is delegated to all resellers but those from whom it is withheld. definition: as it stood in the
-- file, without its items; document: as orders read it.
CREATE TABLE plans (
    id INTEGER PRIMARY KEY CHECK (id < 2147483648),
    key TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL CHECK (state IN ('draft', 'published', 'retired')),
    is_for_all INTEGER NOT NULL,
    position INTEGER NOT NULL,
    definition BLOB NOT NULL,
    document BLOB NOT NULL
) STRICT;

-- Who is delegated a plan, with all below: granted = 1; and from whom it is withheld, with all below: granted = 0.
CREATE TABLE plan_delegations (
    plan_id INTEGER NOT NULL,
    reseller_id INTEGER NOT NULL,
    granted INTEGER NOT NULL,
    PRIMARY KEY (plan_id, reseller_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX plan_delegations_by_reseller ON plan_delegations (reseller_id, plan_id);

CREATE TABLE plan_items (
    plan_id INTEGER NOT NULL,
    mpn TEXT NOT NULL,
    position INTEGER NOT NULL,
    is_retired INTEGER NOT NULL,
    definition BLOB NOT NULL,
    PRIMARY KEY (plan_id, mpn)
) STRICT, WITHOUT ROWID;

-- An item for one of its plan's periods, such as '1 year'. state: published only where it is sold.
CREATE TABLE products (
    id INTEGER PRIMARY KEY,
    plan_id INTEGER NOT NULL,
    mpn TEXT NOT NULL,
    period TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('draft', 'published', 'retired')),
    vendor_folded TEXT NOT NULL,
    service_folded TEXT NOT NULL,
    name_folded TEXT NOT NULL,
    document BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX products_by_plan ON products (plan_id, mpn, period);
CREATE INDEX products_by_mpn ON products (mpn);

-- What a product costs in a currency. It can be sold in no others.
CREATE TABLE product_rates (
    product_id INTEGER NOT NULL,
    currency TEXT NOT NULL,
    document BLOB NOT NULL,
    PRIMARY KEY (product_id, currency)
) STRICT, WITHOUT ROWID;
