-- What people look for: orders by the customer's own number, subscriptions by the vendor's ids.
ALTER TABLE orders ADD COLUMN po_number TEXT;
UPDATE orders SET po_number = json_extract(CAST(document AS TEXT), '$.poNumber');
CREATE INDEX orders_by_po_number ON orders (reseller_id, po_number, ordinal) WHERE po_number IS NOT NULL;

-- Triggers write it from subscriptions, so that it is right however those get there.
CREATE TABLE subscription_vendor_ids (
    reseller_id INTEGER NOT NULL,
    vendor_id TEXT NOT NULL,
    subscription_id TEXT NOT NULL,
    PRIMARY KEY (reseller_id, vendor_id, subscription_id)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER subscription_with_vendor_ids AFTER INSERT ON subscriptions WHEN length(new.vendor_ids) > 1 BEGIN
    INSERT INTO subscription_vendor_ids SELECT DISTINCT new.reseller_id, json_extract(i.value, '$.vendorSubscriptionId'), new.id
    FROM json_each(CAST(new.document AS TEXT), '$.items') i WHERE json_extract(i.value, '$.vendorSubscriptionId') <> '';
END;
CREATE TRIGGER subscription_of_other_vendor_ids AFTER UPDATE OF vendor_ids ON subscriptions
WHEN new.vendor_ids <> old.vendor_ids BEGIN
    DELETE FROM subscription_vendor_ids WHERE reseller_id = new.reseller_id AND subscription_id = new.id
        AND vendor_id IN (
            SELECT json_extract(i.value, '$.vendorSubscriptionId') FROM json_each(CAST(old.document AS TEXT), '$.items') i
        );
    INSERT INTO subscription_vendor_ids SELECT DISTINCT new.reseller_id, json_extract(i.value, '$.vendorSubscriptionId'), new.id
    FROM json_each(CAST(new.document AS TEXT), '$.items') i WHERE json_extract(i.value, '$.vendorSubscriptionId') <> '';
END;
INSERT INTO subscription_vendor_ids SELECT DISTINCT s.reseller_id, json_extract(i.value, '$.vendorSubscriptionId'), s.id
FROM subscriptions s CROSS JOIN json_each(CAST(s.document AS TEXT), '$.items') i
WHERE json_extract(i.value, '$.vendorSubscriptionId') <> '';
