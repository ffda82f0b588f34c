"""Whole-lab tests that leave their lab as they found it, and share one."""
