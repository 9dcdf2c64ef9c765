"""The law of activities and presence: pure functions over plain facts."""
