"""The desk: municipal staff, prefecture, operator."""
