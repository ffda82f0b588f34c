"""The tables around a trial that need a module each; `trial_logs.store` holds trials and runs."""
