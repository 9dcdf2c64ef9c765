"""The law of the register: pure functions over plain facts, numbers given as arguments."""
