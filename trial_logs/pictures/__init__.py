"""Pictures of trial numbers, as plots ready to be drawn (see `trial_logs.plots`)."""
