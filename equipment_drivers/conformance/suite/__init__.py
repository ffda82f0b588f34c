"""The checks, as tests of pytest; each runs on a live connection to the bench's peer."""
