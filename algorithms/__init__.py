"""The Processing algorithms: read inputs, ask core, write outputs."""
