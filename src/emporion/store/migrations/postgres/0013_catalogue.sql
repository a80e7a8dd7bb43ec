-- The catalogue: what stood in the files that were applied. Nothing is deleted from it; what has left the file is
-- retired. One row for each apply that changed anything; the last version is that of the catalogue.
CREATE TABLE catalogue (
    version bigint PRIMARY KEY,
    applied_at bigint NOT NULL
);

-- Vendors and services. position: where it stood in its file. is_retired: 1 where it has left it.
CREATE TABLE catalogue_parts (
    kind text COLLATE "C" NOT NULL CHECK (kind IN ('vendor', 'service')),
    key text COLLATE "C" NOT NULL,
    position bigint NOT NULL,
    is_retired bigint NOT NULL,
    definition bytea NOT NULL,
    PRIMARY KEY (kind, key)
);

-- is_for_all: 1 where it is delegated to all resellers but those from whom it is withheld. definition: as it stood in the
-- file, without its items; document: as orders read it.
CREATE TABLE plans (
    id bigint PRIMARY KEY CHECK (id < 2147483648),
    key text COLLATE "C" NOT NULL UNIQUE,
    state text COLLATE "C" NOT NULL CHECK (state IN ('draft', 'published', 'retired')),
    is_for_all bigint NOT NULL,
    position bigint NOT NULL,
    definition bytea NOT NULL,
    document bytea NOT NULL
);

-- Who is delegated a plan, with all below: granted = 1; and from whom it is withheld, with all below: granted = 0.
CREATE TABLE plan_delegations (
    plan_id bigint NOT NULL,
    reseller_id bigint NOT NULL,
    granted bigint NOT NULL,
    PRIMARY KEY (plan_id, reseller_id)
);
CREATE INDEX plan_delegations_by_reseller ON plan_delegations (reseller_id, plan_id);

CREATE TABLE plan_items (
    plan_id bigint NOT NULL,
    mpn text COLLATE "C" NOT NULL,
    position bigint NOT NULL,
    is_retired bigint NOT NULL,
    definition bytea NOT NULL,
    PRIMARY KEY (plan_id, mpn)
);

-- An item for one of its plan's periods, such as '1 year'. state: published only where it is sold.
CREATE TABLE products (
    id bigint PRIMARY KEY,
    plan_id bigint NOT NULL,
    mpn text COLLATE "C" NOT NULL,
    period text COLLATE "C" NOT NULL,
    state text COLLATE "C" NOT NULL CHECK (state IN ('draft', 'published', 'retired')),
    vendor_folded text COLLATE "C" NOT NULL,
    service_folded text COLLATE "C" NOT NULL,
    name_folded text COLLATE "C" NOT NULL,
    document bytea NOT NULL
);
CREATE UNIQUE INDEX products_by_plan ON products (plan_id, mpn, period);
CREATE INDEX products_by_mpn ON products (mpn);

-- What a product costs in a currency. It can be sold in no others.
CREATE TABLE product_rates (
    product_id bigint NOT NULL,
    currency text COLLATE "C" NOT NULL,
    document bytea NOT NULL,
    PRIMARY KEY (product_id, currency)
);
