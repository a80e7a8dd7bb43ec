-- Of two administrators who change a key at once, one learns of the other.
ALTER TABLE subscription_keys ADD COLUMN version int NOT NULL DEFAULT 1;
