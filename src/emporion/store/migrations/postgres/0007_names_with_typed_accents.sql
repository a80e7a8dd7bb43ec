-- Names are looked for with one kind of apostrophe, accents typed for one among them, and without strokes whatever else is
-- on the letter; schema.py folds those of before anew, which SQL cannot.
COMMENT ON COLUMN customer_names.name_folded IS 'as accounts.py folds it, accents typed for apostrophes too';
