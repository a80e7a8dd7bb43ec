-- The one id space is that of plans, products, orders and subscriptions as well. reseller_id: whose order or
-- subscription it is; the provider for what is in the catalogue.
ALTER TABLE accounts DROP CONSTRAINT accounts_kind_check;
ALTER TABLE accounts ADD CONSTRAINT accounts_kind_check
    CHECK (kind IN ('reseller', 'customer', 'plan', 'product', 'order', 'subscription'));
