-- Names are looked for with one kind of apostrophe and dash, and without what cannot be seen. Those of before were folded
-- by case and accents alone; schema.py folds them anew, which SQL cannot.
COMMENT ON COLUMN customer_names.name_folded IS 'as accounts.py folds it';
