"""The console, in which a reseller's people work."""
