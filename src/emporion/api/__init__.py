"""The HTTP API: the contract, spoken over the marketplace's methods."""
