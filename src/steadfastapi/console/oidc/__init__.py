"""Login at an OpenID provider, and its access tokens."""
