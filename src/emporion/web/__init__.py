"""The pages: the resellers' console and the customers' control panel, rendered on the server."""
