"""The stopper as a process, with a fake controller as its child."""
