-- An address is looked for in one spelling: its domain in punycode, the rest in NFC. Those of before were folded by
-- case alone; schema.py folds them anew, which SQL cannot.
COMMENT ON COLUMN customer_emails.email IS 'as emails.py folds it';
