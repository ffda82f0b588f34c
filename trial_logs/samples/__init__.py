"""How samples lie in a month's file: journal, sealed chunks, minute and hour roll-ups."""
