"""The conformance suite: what every driver must prove over its real wire, ours or anybody's.

One command proves a driver on its bench (`bench.Bench`), in a process of its own:

    machikoba device conform DRIVER
    python -m equipment_drivers.conformance DRIVER [--bench MODULE:CLASS] [options of pytest]

The checks are the tests of `suite`; `plugin` gives them the bench and a live connection on it.
"""
