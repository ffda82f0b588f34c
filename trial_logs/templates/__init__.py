"""Plans to begin with, as data: one TOML file for each kind of trial, read by `plan_templates`."""
