"""Names of locks among the advisory locks of a database. A transaction that takes one has locked no rows yet."""

from __future__ import annotations

# For migrations, for what changes the tree of resellers, for giving events their positions, and for what writes the
# catalogue.
MIGRATING = int.from_bytes(b"emporion", "big")
GROWING = int.from_bytes(b"emp tree", "big")
FEEDING = int.from_bytes(b"emp feed", "big")
CATALOGUING = int.from_bytes(b"emp cata", "big")
