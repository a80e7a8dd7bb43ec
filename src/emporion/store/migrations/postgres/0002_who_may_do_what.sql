-- What is said of a reseller, apart from the counters in `resellers`, which move with every write. It belongs to the
-- whole platform, like clients, signing_keys and login_failures below. first and last are the numbers of the reseller
-- and of all below it (store/tree.py), null until they are given. shuts counts those from here to the top whose status
-- shuts. emails has each folded address between two line ends.
CREATE TABLE reseller_accounts (
    reseller_id bigint PRIMARY KEY,
    parent_id bigint,
    first bigint,
    last bigint,
    shuts int NOT NULL DEFAULT 0,
    external_id text COLLATE "C",
    name_folded text COLLATE "C" NOT NULL,
    emails text COLLATE "C" NOT NULL DEFAULT '',
    status text NOT NULL DEFAULT 'active',
    version int NOT NULL DEFAULT 1,
    created_at bigint NOT NULL DEFAULT 0,
    updated_at bigint NOT NULL DEFAULT 0,
    document bytea NOT NULL
);
INSERT INTO reseller_accounts (reseller_id, parent_id, name_folded, document)
SELECT reseller_id, parent_id, lower(name), convert_to(
    '{"id":"' || reseller_id || '","name":' || to_json(name) || ',"status":"active","language":"en"'
    || coalesce(',"resellerId":"' || parent_id || '"', '') || '}', 'UTF8')
FROM resellers;
CREATE INDEX reseller_accounts_by_first ON reseller_accounts (first);
CREATE INDEX reseller_accounts_by_parent ON reseller_accounts (parent_id, last);
CREATE UNIQUE INDEX reseller_accounts_by_external_id ON reseller_accounts (parent_id, external_id)
    WHERE external_id IS NOT NULL;
CREATE INDEX reseller_accounts_pending ON reseller_accounts (reseller_id) WHERE status = 'pending';
ALTER TABLE resellers DROP COLUMN name;

ALTER TABLE users ADD COLUMN role text NOT NULL DEFAULT 'owner';
ALTER TABLE users ADD COLUMN version int NOT NULL DEFAULT 1;
ALTER TABLE users ADD COLUMN created_at bigint NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN used_at bigint;
ALTER TABLE users ADD COLUMN disabled_at bigint;

-- rate: requests per second; burst: how many may come at once.
ALTER TABLE subscription_keys ADD COLUMN name text NOT NULL DEFAULT '';
ALTER TABLE subscription_keys ADD COLUMN rate bigint;
ALTER TABLE subscription_keys ADD COLUMN burst bigint;
ALTER TABLE subscription_keys ADD COLUMN per_day bigint;
ALTER TABLE subscription_keys ADD COLUMN created_at bigint NOT NULL DEFAULT 0;
ALTER TABLE subscription_keys ADD COLUMN used_at bigint;
ALTER TABLE subscription_keys ADD COLUMN revoked_at bigint;
CREATE INDEX subscription_keys_by_reseller ON subscription_keys (reseller_id);

CREATE TABLE clients (
    realm text COLLATE "C",
    id text COLLATE "C",
    reseller_id bigint NOT NULL,
    secret_digest bytea NOT NULL,
    role text NOT NULL,
    name text NOT NULL,
    version int NOT NULL,
    created_at bigint NOT NULL,
    used_at bigint,
    disabled_at bigint,
    PRIMARY KEY (realm, id)
);
CREATE INDEX clients_by_reseller ON clients (reseller_id);

-- Ed25519, 32 bytes each. until is null while it signs.
CREATE TABLE signing_keys (
    id text COLLATE "C" PRIMARY KEY,
    private bytea NOT NULL,
    created_at bigint NOT NULL,
    until bigint
);
ALTER TABLE platform DROP COLUMN signing_key;

-- Failed logins; a subject is a digest of a login, an address, or both.
CREATE TABLE login_failures (
    subject bytea PRIMARY KEY,
    count int NOT NULL,
    last_at bigint NOT NULL,
    good_at bigint,
    kept_at bigint NOT NULL
);
CREATE INDEX login_failures_by_time ON login_failures (kept_at);

-- What requests with an Idempotency-Key were answered. key: who asked for what, in hexadecimal digits; fingerprint:
-- what was sent.
CREATE TABLE answers (
    reseller_id bigint,
    key text COLLATE "C",
    fingerprint bytea NOT NULL,
    account_id bigint NOT NULL,
    at bigint NOT NULL,
    document bytea NOT NULL,
    PRIMARY KEY (reseller_id, key)
);
CREATE INDEX answers_by_time ON answers (at);

ALTER TABLE events ADD COLUMN actor_id bigint;
ALTER TABLE events ADD COLUMN address text;
ALTER TABLE events ADD COLUMN reason text;
CREATE INDEX events_by_account ON events (reseller_id, account_id, sequence);

-- The order in which readers get the events of many resellers: those with the sequences first…last of a reseller have
-- the positions up to until, which is that of the last.
CREATE TABLE feed (
    reseller_id bigint,
    until bigint,
    first bigint NOT NULL,
    last bigint NOT NULL,
    PRIMARY KEY (reseller_id, until)
);
CREATE INDEX feed_by_until ON feed (until);

DROP FUNCTION add_customers;
DROP FUNCTION change_customers;

-- What became of a new customer: its id, or what is taken: by whom its external id, and the positions of its logins.
-- answer is what the same request was answered before, with that customer's id; reused: it was another request.
DROP TYPE addition_outcome;
CREATE TYPE addition_outcome AS (id bigint, holder bigint, taken int[], answer bytea, reused boolean);

-- Adds customers, numbered from 1, in one round trip and one transaction. E-mail addresses and logins name theirs by
-- its number. No two customers may have the same external id, login or key of once_keys. A login that another
-- transaction takes at this very moment raises unique_violation; called again, it is seen here.
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
    actor_ids bigint[],
    addresses text[],
    changes text[],
    once_keys text[],
    fingerprints bytea[],
    sinces bigint[],
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
    -- Null where no request was answered before; arrays that are null as a whole stand for that as well.
    answered bigint[];
    given bytea[];
    reuses boolean[];
BEGIN
    -- Other writers of the same reseller wait here; the next one sees all that was written.
    PERFORM FROM resellers WHERE reseller_id = ANY (reseller_ids) ORDER BY reseller_id FOR NO KEY UPDATE;

    IF array_remove(once_keys, NULL) <> '{}' THEN
        SELECT
            array_agg(a.account_id ORDER BY n.number),
            array_agg(a.document ORDER BY n.number),
            array_agg(a.fingerprint <> n.fingerprint ORDER BY n.number)
        INTO answered, given, reuses
        FROM unnest(reseller_ids, once_keys, fingerprints, sinces) WITH ORDINALITY
            AS n (reseller_id, key, fingerprint, since, number)
        LEFT JOIN answers a ON a.reseller_id = n.reseller_id AND a.key = n.key AND a.at >= n.since;
    END IF;

    SELECT array_agg(c.id ORDER BY n.number) INTO holders
    FROM unnest(reseller_ids, external_ids) WITH ORDINALITY AS n (reseller_id, external_id, number)
    LEFT JOIN customers c ON c.reseller_id = n.reseller_id AND c.external_id = n.external_id;
    SELECT coalesce(array_agg(w.number), '{}') INTO takens
    FROM unnest(login_numbers, login_names) AS w (number, login)
    JOIN logins ON folded = lower(w.login COLLATE "C");

    WITH free AS (
        SELECT n.number, n.reseller_id, row_number() OVER (PARTITION BY n.reseller_id ORDER BY n.number) AS step
        FROM unnest(reseller_ids, holders, answered) WITH ORDINALITY AS n (reseller_id, holder, answered, number)
        WHERE n.answered IS NULL AND n.holder IS NULL AND n.number <> ALL (takens)
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

    INSERT INTO events (
        reseller_id, sequence, account_id, type, at, "user", door, correlation_id, changes, actor_id, address
    )
    SELECT n.reseller_id, n.sequence, n.id, 'customer.created', n.at, n.login, n.door, n.correlation_id, n.changes,
        n.actor_id, n.address
    FROM unnest(reseller_ids, sequences, ids, times, users, doors, correlation_ids, actor_ids, addresses, changes)
        AS n (reseller_id, sequence, id, at, login, door, correlation_id, actor_id, address, changes)
    WHERE n.id IS NOT NULL;

    IF array_remove(once_keys, NULL) <> '{}' THEN
        -- An answer that is there already is one that is forgotten.
        INSERT INTO answers (reseller_id, key, fingerprint, account_id, at, document)
        SELECT n.reseller_id, n.key, n.fingerprint, n.id, n.at, with_id(n.document, n.id)
        FROM unnest(reseller_ids, once_keys, fingerprints, ids, times, documents)
            AS n (reseller_id, key, fingerprint, id, at, document)
        WHERE n.id IS NOT NULL AND n.key IS NOT NULL
        ON CONFLICT (reseller_id, key) DO UPDATE SET
            fingerprint = excluded.fingerprint, account_id = excluded.account_id, at = excluded.at,
            document = excluded.document;
    END IF;

    RETURN QUERY
    SELECT coalesce(n.id, n.answered), n.holder, CASE WHEN n.id IS NULL AND n.number = ANY (takens) THEN (
        SELECT array_agg(w.position ORDER BY w.position)
        FROM unnest(login_numbers, login_positions, login_names) AS w (number, position, login)
        JOIN logins ON folded = lower(w.login COLLATE "C") WHERE w.number = n.number
    ) END, n.given, n.reused
    FROM unnest(ids, holders, answered, given, reuses) WITH ORDINALITY
        AS n (id, holder, answered, given, reused, number)
    ORDER BY n.number;
END
$$;

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
    actor_ids bigint[],
    addresses text[],
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
            ids, types, users, doors, correlation_ids, actor_ids, addresses, changes
        ) WITH ORDINALITY AS n (
            ordinal, reseller_id, at, status, summary, document, rewrites, external_id,
            id, type, login, door, correlation_id, actor_id, address, changes, number
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
    INSERT INTO events (
        reseller_id, sequence, account_id, type, at, "user", door, correlation_id, changes, actor_id, address
    )
    SELECT p.reseller_id, c.events + p.step, p.id, p.type, p.at, p.login, p.door, p.correlation_id, p.changes,
        p.actor_id, p.address
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
