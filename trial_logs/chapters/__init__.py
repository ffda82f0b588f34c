"""Chapters that the trial report and the purchase dossier print alike."""
