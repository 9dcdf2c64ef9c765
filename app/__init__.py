"""The roof: assembly of the rooms into processes. Nothing below imports it."""
