-- What people look for: orders by the customer's own number, subscriptions by the vendor's ids.
ALTER TABLE orders ADD COLUMN po_number text COLLATE "C";
UPDATE orders SET po_number = convert_from(document, 'UTF8')::json ->> 'poNumber'
WHERE position('"poNumber"'::bytea IN document) > 0;
CREATE INDEX orders_by_po_number ON orders (reseller_id, po_number, ordinal) WHERE po_number IS NOT NULL;

-- A trigger writes it from subscriptions, so that it is right however those get there.
CREATE TABLE subscription_vendor_ids (
    reseller_id bigint NOT NULL,
    vendor_id text COLLATE "C" NOT NULL,
    subscription_id text COLLATE "C" NOT NULL,
    PRIMARY KEY (reseller_id, vendor_id, subscription_id)
);
CREATE FUNCTION note_vendor_ids() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        DELETE FROM subscription_vendor_ids WHERE reseller_id = NEW.reseller_id AND subscription_id = NEW.id
            AND vendor_id = ANY (string_to_array(OLD.vendor_ids, E'\n'));
    END IF;
    INSERT INTO subscription_vendor_ids (reseller_id, vendor_id, subscription_id)
    SELECT NEW.reseller_id, v.id, NEW.id FROM unnest(string_to_array(NEW.vendor_ids, E'\n')) AS v (id) WHERE v.id <> ''
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;
CREATE TRIGGER subscription_with_vendor_ids AFTER INSERT ON subscriptions
FOR EACH ROW WHEN (length(NEW.vendor_ids) > 1) EXECUTE FUNCTION note_vendor_ids();
CREATE TRIGGER subscription_of_other_vendor_ids AFTER UPDATE OF vendor_ids ON subscriptions
FOR EACH ROW WHEN (NEW.vendor_ids <> OLD.vendor_ids) EXECUTE FUNCTION note_vendor_ids();
INSERT INTO subscription_vendor_ids (reseller_id, vendor_id, subscription_id)
SELECT s.reseller_id, v.id, s.id
FROM subscriptions s CROSS JOIN LATERAL unnest(string_to_array(s.vendor_ids, E'\n')) AS v (id) WHERE v.id <> ''
ON CONFLICT DO NOTHING;
