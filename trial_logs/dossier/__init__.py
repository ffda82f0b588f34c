"""The purchase dossier (導入検討書): what a machine costs, what it saves, what may pay for it."""
