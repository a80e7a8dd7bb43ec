"""Files of rows, whatever the rows are about: reading CSV and JSON Lines piece by piece, and writing CSV."""
