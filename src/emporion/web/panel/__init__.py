"""The control panel, in which a customer's administrator looks after the account."""
