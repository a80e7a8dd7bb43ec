-- Which plans and products a reseller sees (docs/decisions/0033). All of it is made from the catalogue with each change.

-- Each way in which plans are delegated, once. rule: a Delegation as JSON, its ids in order.
CREATE TABLE delegations (
    id bigint PRIMARY KEY,
    rule text COLLATE "C" NOT NULL
);

-- Every plan and product. number: 1, 2, 3… without gaps, the newest last. lists: those in which it stands, as JSON.
CREATE TABLE listings (
    number bigint PRIMARY KEY,
    id bigint NOT NULL UNIQUE,
    name_folded text COLLATE "C" NOT NULL,
    lists text COLLATE "C" NOT NULL
);

-- The members of each list as bits: number n is bit n % 8 of byte n / 8, each part has 65,536 of them.
CREATE TABLE listing_bits (
    list text COLLATE "C" NOT NULL,
    part bigint NOT NULL,
    bits bytea NOT NULL,
    PRIMARY KEY (list, part)
);

-- One row. version: moves with every change of a list. numbers: the last that was given.
CREATE TABLE listing_state (
    id bigint PRIMARY KEY,
    version bigint NOT NULL,
    numbers bigint NOT NULL
);

-- All parts of three letters that a name has.
CREATE FUNCTION name_parts(name text) RETURNS text[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT array_agg(DISTINCT substr(name, i, 3)) FROM generate_series(1, length(name) - 2) i
$$;
CREATE INDEX listings_by_name ON listings USING gin (name_parts(name_folded));

-- What resellers take of their buyers, where it is not what the catalogue says. target: the id of a product, or that of
-- a plan and the MPN of an item, such as '10005 ACME-MAIL'.
CREATE TABLE prices (
    reseller_id bigint NOT NULL,
    target text COLLATE "C" NOT NULL,
    updated_at bigint NOT NULL,
    document bytea NOT NULL,
    PRIMARY KEY (reseller_id, target)
);
