"""What can be said from a few parts, and how surely: intervals, indices, studies, differences.

Pure functions, numbers in and frozen results out; scipy and numpy are loaded on the first call
that needs them, never on import.
"""
