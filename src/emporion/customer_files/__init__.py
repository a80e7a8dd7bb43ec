"""Customers in files: what their columns are called, the rows of an import, and the columns of an export."""
