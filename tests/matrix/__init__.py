"""The fault matrix: every bench × every canonical fault × every phase of a connection's life."""
