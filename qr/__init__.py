"""Signed codes, typed codes, their keys and their pictures (R19, R22)."""
