"""Orders: what clients send, what is made of it, and what it costs."""
