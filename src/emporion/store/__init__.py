"""What the platform keeps. `base` has the promises, the other modules keep them."""
