-- PostgreSQL. Everything that belongs to a reseller has reseller_id at the head of its key, so that the schema can be
-- distributed by that column. platform, accounts, logins and subscription_keys belong to the whole platform, because
-- what they hold must be unique or found there. Text is compared by its bytes, whatever the database's collation.

CREATE TABLE platform (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    signing_key bytea NOT NULL,
    sandbox boolean NOT NULL
);

-- The one id space. reseller_id is the owner of a customer, the parent of a reseller, null for the provider.
CREATE SEQUENCE account_ids AS bigint START 1000001;
CREATE TABLE accounts (
    id bigint PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('reseller', 'customer')),
    reseller_id bigint
);

-- customers and events count what the reseller has: the last ordinal and the last sequence given. Rows are updated
-- with each write, hence the room on their pages.
CREATE TABLE resellers (
    reseller_id bigint PRIMARY KEY,
    parent_id bigint,
    name text NOT NULL,
    customers bigint NOT NULL DEFAULT 0,
    events bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
CREATE INDEX resellers_by_parent ON resellers (parent_id);

-- Users and administrators who sign in. folded is the login in lower case. customer_id is null for an API user;
-- position is that of the contact person.
CREATE TABLE logins (
    folded text COLLATE "C" PRIMARY KEY,
    login text COLLATE "C" NOT NULL,
    reseller_id bigint NOT NULL,
    customer_id bigint,
    position int,
    password_hash text
);
CREATE INDEX logins_by_customer ON logins (reseller_id, customer_id) WHERE customer_id IS NOT NULL;

CREATE TABLE users (
    reseller_id bigint,
    login text COLLATE "C",
    marketplace text NOT NULL,
    PRIMARY KEY (reseller_id, login)
);

CREATE TABLE subscription_keys (
    digest bytea PRIMARY KEY,
    reseller_id bigint NOT NULL,
    api_version text
);

CREATE TABLE customers (
    reseller_id bigint,
    ordinal bigint,
    id bigint NOT NULL,
    external_id text COLLATE "C",
    status text NOT NULL,
    version int NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    summary bytea NOT NULL,
    document bytea NOT NULL,
    PRIMARY KEY (reseller_id, ordinal)
);
CREATE UNIQUE INDEX customers_by_id ON customers (reseller_id, id);
CREATE UNIQUE INDEX customers_by_external_id ON customers (reseller_id, external_id) WHERE external_id IS NOT NULL;

-- Customers that a worker must look after, such as those to be verified. A table of its own, since rows that leave an
-- index of `customers` would have all their other index entries made anew.
CREATE TABLE waiting_customers (
    reseller_id bigint,
    id bigint,
    PRIMARY KEY (reseller_id, id)
);
CREATE INDEX waiting_customers_by_id ON waiting_customers (id);

-- The secret of the search index, see store/postgres/grams.py.
CREATE TABLE search_key (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    key bytea NOT NULL
);
INSERT INTO search_key (key) VALUES (uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()));

-- The search index.
CREATE TABLE customer_names (
    reseller_id bigint,
    ordinal bigint,
    id bigint NOT NULL,
    name_folded text COLLATE "C" NOT NULL,
    grams int[] NOT NULL,
    PRIMARY KEY (reseller_id, ordinal)
);
-- New entries are gathered and put in together: one by one they cost more than all the rest of a new customer. Until
-- then every search reads them one by one, so they are few (kB).
CREATE INDEX customer_names_by_gram ON customer_names USING gin (grams)
    WITH (fastupdate = on, gin_pending_list_limit = 256);

CREATE TABLE customer_emails (
    reseller_id bigint,
    email text COLLATE "C",
    ordinal bigint,
    PRIMARY KEY (reseller_id, email, ordinal)
);

CREATE TABLE events (
    reseller_id bigint,
    sequence bigint,
    account_id bigint NOT NULL,
    type text NOT NULL,
    at bigint NOT NULL,
    "user" text,
    door text NOT NULL,
    correlation_id text,
    changes text NOT NULL,
    PRIMARY KEY (reseller_id, sequence)
);

-- How far a copy from another database has come; empty but for while one is under way or was cut short.
CREATE TABLE copies (
    name text PRIMARY KEY,
    after text NOT NULL,
    rows bigint NOT NULL
);

-- A document or summary with its id, which is known only here; both begin {"id":"".
CREATE FUNCTION with_id(rendered bytea, id bigint) RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN '\x7b226964223a22'::bytea || id::text::bytea || substring(rendered FROM 8);

-- What became of a new customer: its id, or what is taken: by whom its external id, and the positions of its logins.
CREATE TYPE addition_outcome AS (id bigint, holder bigint, taken int[]);

-- Adds customers, numbered from 1, in one round trip and one transaction. E-mail addresses and logins name theirs by its
-- number. No two customers may have the same external id or login. A login that another transaction takes at this very
-- moment raises unique_violation; called again, it is seen here.
CREATE FUNCTION add_customers(
    reseller_ids bigint[],
    external_ids text[],
    statuses text[],
    times bigint[],
    summaries bytea[],
    documents bytea[],
    names text[],
    name_grams text[],
    users text[],
    doors text[],
    correlation_ids text[],
    email_numbers int[],
    emails text[],
    login_numbers int[],
    login_positions int[],
    login_names text[],
    login_hashes text[]
) RETURNS SETOF addition_outcome
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
#variable_conflict use_column
DECLARE
    -- Of each customer, by its number; ids, ordinals and sequences are null where something is taken.
    holders bigint[];
    takens int[];
    ids bigint[];
    ordinals bigint[];
    sequences bigint[];
BEGIN
    -- Other writers of the same reseller wait here; the next one sees all that was written.
    PERFORM FROM resellers WHERE reseller_id = ANY (reseller_ids) ORDER BY reseller_id FOR NO KEY UPDATE;

    SELECT array_agg(c.id ORDER BY n.number) INTO holders
    FROM unnest(reseller_ids, external_ids) WITH ORDINALITY AS n (reseller_id, external_id, number)
    LEFT JOIN customers c ON c.reseller_id = n.reseller_id AND c.external_id = n.external_id;
    SELECT coalesce(array_agg(w.number), '{}') INTO takens
    FROM unnest(login_numbers, login_names) AS w (number, login)
    JOIN logins ON folded = lower(w.login COLLATE "C");

    WITH free AS (
        SELECT n.number, n.reseller_id, row_number() OVER (PARTITION BY n.reseller_id ORDER BY n.number) AS step
        FROM unnest(reseller_ids, holders) WITH ORDINALITY AS n (reseller_id, holder, number)
        WHERE n.holder IS NULL AND n.number <> ALL (takens)
    ), counted AS (
        UPDATE resellers r SET customers = r.customers + f.many, events = r.events + f.many
        FROM (SELECT reseller_id, count(*) AS many FROM free GROUP BY reseller_id) f
        WHERE r.reseller_id = f.reseller_id
        RETURNING r.reseller_id, r.customers - f.many AS customers, r.events - f.many AS events
    ), placed AS (
        SELECT f.number, c.customers + f.step AS ordinal, c.events + f.step AS sequence
        FROM free f JOIN counted c ON c.reseller_id = f.reseller_id
    ), numbered AS MATERIALIZED (
        SELECT p.number, p.ordinal, p.sequence, nextval('account_ids') AS id
        FROM (SELECT * FROM placed ORDER BY number) p
    )
    SELECT array_agg(id ORDER BY n), array_agg(ordinal ORDER BY n), array_agg(sequence ORDER BY n)
    INTO ids, ordinals, sequences
    FROM generate_series(1, cardinality(reseller_ids)) AS n LEFT JOIN numbered ON number = n;

    INSERT INTO accounts (id, kind, reseller_id)
    SELECT n.id, 'customer', n.reseller_id
    FROM unnest(ids, reseller_ids) AS n (id, reseller_id) WHERE n.id IS NOT NULL;

    INSERT INTO customers (
        reseller_id, ordinal, id, external_id, status, version, created_at, updated_at, summary, document
    )
    SELECT n.reseller_id, n.ordinal, n.id, n.external_id, n.status, 1, n.at, n.at,
        with_id(n.summary, n.id), with_id(n.document, n.id)
    FROM unnest(reseller_ids, ordinals, ids, external_ids, statuses, times, summaries, documents)
        AS n (reseller_id, ordinal, id, external_id, status, at, summary, document)
    WHERE n.id IS NOT NULL;

    INSERT INTO waiting_customers (reseller_id, id)
    SELECT n.reseller_id, n.id FROM unnest(reseller_ids, ids, statuses) AS n (reseller_id, id, status)
    WHERE n.id IS NOT NULL AND n.status = 'pending';

    INSERT INTO customer_names (reseller_id, ordinal, id, name_folded, grams)
    SELECT n.reseller_id, n.ordinal, n.id, n.name, n.grams::int[]
    FROM unnest(reseller_ids, ordinals, ids, names, name_grams) AS n (reseller_id, ordinal, id, name, grams)
    WHERE n.id IS NOT NULL;

    INSERT INTO customer_emails (reseller_id, email, ordinal)
    SELECT reseller_ids[e.number], e.email, ordinals[e.number]
    FROM unnest(email_numbers, emails) AS e (number, email) WHERE ids[e.number] IS NOT NULL;

    INSERT INTO logins (folded, login, reseller_id, customer_id, position, password_hash)
    SELECT lower(l.login COLLATE "C"), l.login, reseller_ids[l.number], ids[l.number], l.position, l.password_hash
    FROM unnest(login_numbers, login_positions, login_names, login_hashes)
        AS l (number, position, login, password_hash)
    WHERE ids[l.number] IS NOT NULL ORDER BY 1;

    INSERT INTO events (reseller_id, sequence, account_id, type, at, "user", door, correlation_id, changes)
    SELECT n.reseller_id, n.sequence, n.id, 'customer.created', n.at, n.login, n.door, n.correlation_id, '{}'
    FROM unnest(reseller_ids, sequences, ids, times, users, doors, correlation_ids)
        AS n (reseller_id, sequence, id, at, login, door, correlation_id)
    WHERE n.id IS NOT NULL;

    RETURN QUERY
    SELECT n.id, n.holder, CASE WHEN n.id IS NULL AND n.number = ANY (takens) THEN (
        SELECT array_agg(w.position ORDER BY w.position)
        FROM unnest(login_numbers, login_positions, login_names) AS w (number, position, login)
        JOIN logins ON folded = lower(w.login COLLATE "C") WHERE w.number = n.number
    ) END
    FROM unnest(ids, holders) WITH ORDINALITY AS n (id, holder, number) ORDER BY n.number;
END
$$;

-- What became of a change. ordinal: null if the customer has moved on; holder and taken: as in add_customers.
CREATE TYPE change_outcome AS (ordinal bigint, holder bigint, taken int[]);

-- Puts customers into their new states, where their versions are still those given, in one round trip and one
-- transaction. What is null in names stays as it is; external ids and logins stay where rewrites_external_id and
-- rewrites_logins say false. No two may be of the same customer, or have the same external id or login.
CREATE FUNCTION change_customers(
    reseller_ids bigint[],
    ids bigint[],
    versions int[],
    times bigint[],
    statuses text[],
    summaries bytea[],
    documents bytea[],
    rewrites_external_id boolean[],
    external_ids text[],
    names text[],
    name_grams text[],
    types text[],
    users text[],
    doors text[],
    correlation_ids text[],
    changes text[],
    old_email_numbers int[],
    old_emails text[],
    email_numbers int[],
    emails text[],
    rewrites_logins boolean[],
    login_numbers int[],
    login_positions int[],
    login_names text[],
    login_hashes text[]
) RETURNS SETOF change_outcome
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
#variable_conflict use_column
DECLARE
    outcomes change_outcome[];
    -- Of the changes that hold; null for the others.
    ordinals bigint[];
    -- The numbers of those that begin to wait.
    pending int[];
BEGIN
    PERFORM FROM resellers WHERE reseller_id = ANY (reseller_ids) ORDER BY reseller_id FOR NO KEY UPDATE;
    SELECT
        array_agg(ROW (c.ordinal, h.id, l.taken)::change_outcome ORDER BY n.number),
        array_agg(CASE WHEN h.id IS NULL AND l.taken IS NULL THEN c.ordinal END ORDER BY n.number),
        array_agg(n.number) FILTER (WHERE n.status = 'pending' AND c.status <> 'pending')
    INTO outcomes, ordinals, pending
    FROM unnest(reseller_ids, ids, versions, statuses, rewrites_external_id, external_ids) WITH ORDINALITY
        AS n (reseller_id, id, version, status, rewrites, external_id, number)
    LEFT JOIN customers c ON c.reseller_id = n.reseller_id AND c.id = n.id AND c.version = n.version
    LEFT JOIN customers h
        ON n.rewrites AND h.reseller_id = n.reseller_id AND h.external_id = n.external_id AND h.id <> n.id
    LEFT JOIN (
        SELECT w.number, array_agg(w.position ORDER BY w.position) AS taken
        FROM unnest(login_numbers, login_positions, login_names) AS w (number, position, login)
        JOIN logins ON folded = lower(w.login COLLATE "C") AND customer_id IS DISTINCT FROM ids[w.number]
        GROUP BY w.number
    ) l ON l.number = n.number;

    WITH placed AS MATERIALIZED (
        SELECT n.*, row_number() OVER (PARTITION BY n.reseller_id ORDER BY n.number) AS step
        FROM unnest(
            ordinals, reseller_ids, times, statuses, summaries, documents, rewrites_external_id, external_ids,
            ids, types, users, doors, correlation_ids, changes
        ) WITH ORDINALITY AS n (
            ordinal, reseller_id, at, status, summary, document, rewrites, external_id,
            id, type, login, door, correlation_id, changes, number
        )
        WHERE n.ordinal IS NOT NULL
    ), counted AS (
        UPDATE resellers r SET events = r.events + p.many
        FROM (SELECT reseller_id, count(*) AS many FROM placed GROUP BY reseller_id) p
        WHERE r.reseller_id = p.reseller_id
        RETURNING r.reseller_id, r.events - p.many AS events
    ), kept_customers AS (
        UPDATE customers c SET
            version = c.version + 1, status = p.status, updated_at = p.at, summary = p.summary, document = p.document,
            external_id = CASE WHEN p.rewrites THEN p.external_id ELSE c.external_id END
        FROM placed p WHERE c.reseller_id = p.reseller_id AND c.ordinal = p.ordinal
    )
    INSERT INTO events (reseller_id, sequence, account_id, type, at, "user", door, correlation_id, changes)
    SELECT p.reseller_id, c.events + p.step, p.id, p.type, p.at, p.login, p.door, p.correlation_id, p.changes
    FROM placed p JOIN counted c ON c.reseller_id = p.reseller_id;

    IF pending IS NOT NULL THEN
        INSERT INTO waiting_customers (reseller_id, id)
        SELECT reseller_ids[n], ids[n] FROM unnest(pending) AS n WHERE ordinals[n] IS NOT NULL
        ON CONFLICT DO NOTHING;
    END IF;
    IF array_remove(names, NULL) <> '{}' THEN
        UPDATE customer_names c SET name_folded = n.name, grams = n.grams::int[]
        FROM unnest(reseller_ids, ordinals, names, name_grams) AS n (reseller_id, ordinal, name, grams)
        WHERE c.reseller_id = n.reseller_id AND c.ordinal = n.ordinal AND n.name IS NOT NULL;
    END IF;
    IF old_emails <> '{}' THEN
        DELETE FROM customer_emails e
        USING unnest(old_email_numbers, old_emails) AS o (number, email)
        WHERE e.reseller_id = reseller_ids[o.number] AND e.email = o.email AND e.ordinal = ordinals[o.number];
        INSERT INTO customer_emails (reseller_id, email, ordinal)
        SELECT reseller_ids[e.number], e.email, ordinals[e.number]
        FROM unnest(email_numbers, emails) AS e (number, email) WHERE ordinals[e.number] IS NOT NULL;
    END IF;
    IF true = ANY (rewrites_logins) THEN
        DELETE FROM logins l
        USING unnest(reseller_ids, ordinals, ids, rewrites_logins) AS n (reseller_id, ordinal, id, rewrites)
        WHERE n.rewrites AND n.ordinal IS NOT NULL AND l.reseller_id = n.reseller_id AND l.customer_id = n.id;
        INSERT INTO logins (folded, login, reseller_id, customer_id, position, password_hash)
        SELECT lower(l.login COLLATE "C"), l.login, reseller_ids[l.number], ids[l.number], l.position, l.password_hash
        FROM unnest(login_numbers, login_positions, login_names, login_hashes)
            AS l (number, position, login, password_hash)
        WHERE ordinals[l.number] IS NOT NULL ORDER BY 1;
    END IF;
    RETURN QUERY SELECT * FROM unnest(outcomes);
END
$$;
