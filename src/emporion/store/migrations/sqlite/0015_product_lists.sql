-- Which plans and products a reseller sees (docs/decisions/0033). All of it is made from the catalogue with each change.

-- Each way in which plans are delegated, once. rule: a Delegation as JSON, its ids in order.
CREATE TABLE delegations (
    id INTEGER PRIMARY KEY,
    rule TEXT NOT NULL
) STRICT;

-- Every plan and product. number: 1, 2, 3… without gaps, the newest last. lists: those in which it stands, as JSON.
CREATE TABLE listings (
    number INTEGER PRIMARY KEY,
    id INTEGER NOT NULL UNIQUE,
    name_folded TEXT NOT NULL,
    lists TEXT NOT NULL
) STRICT;

-- The members of each list as bits: number n is bit n % 8 of byte n / 8, each part has 65,536 of them.
CREATE TABLE listing_bits (
    list TEXT NOT NULL,
    part INTEGER NOT NULL,
    bits BLOB NOT NULL,
    PRIMARY KEY (list, part)
) STRICT;

-- One row. version: moves with every change of a list. numbers: the last that was given.
CREATE TABLE listing_state (
    id INTEGER PRIMARY KEY,
    version INTEGER NOT NULL,
    numbers INTEGER NOT NULL
) STRICT;

CREATE VIRTUAL TABLE listing_names USING fts5 (
    name_folded, content = 'listings', content_rowid = 'number', columnsize = 0, tokenize = 'trigram case_sensitive 1'
);
CREATE TRIGGER listing_added AFTER INSERT ON listings BEGIN
    INSERT INTO listing_names (rowid, name_folded) VALUES (new.number, new.name_folded);
END;
CREATE TRIGGER listing_renamed AFTER UPDATE OF name_folded ON listings WHEN old.name_folded <> new.name_folded BEGIN
    INSERT INTO listing_names (listing_names, rowid, name_folded) VALUES ('delete', old.number, old.name_folded);
    INSERT INTO listing_names (rowid, name_folded) VALUES (new.number, new.name_folded);
END;

-- What resellers take of their buyers, where it is not what the catalogue says. target: the id of a product, or that of
-- a plan and the MPN of an item, such as '10005 ACME-MAIL'.
CREATE TABLE prices (
    reseller_id INTEGER NOT NULL,
    target TEXT NOT NULL,
    updated_at INTEGER NOT NULL,
    document BLOB NOT NULL,
    PRIMARY KEY (reseller_id, target)
) STRICT, WITHOUT ROWID;
