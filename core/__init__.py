"""What every feature needs; knows nothing of the scheme."""
