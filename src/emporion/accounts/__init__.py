"""Accounts: customers and resellers, the rules of each member, and how a change is merged."""
