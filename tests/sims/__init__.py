"""Simulators as the tests have them: processes of their own, forked instead of started."""
