"""The roof: assembly, seen by nobody."""
