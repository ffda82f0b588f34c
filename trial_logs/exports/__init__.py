"""A trial as files for other programs: one list of tables, and a writer per format."""
