"""Programs that play what cannot be had on a desk or in a test.

They are separate programs: they import nothing of the platform, nor it of them.
"""
