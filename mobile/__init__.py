"""The phone: registrants and organisers."""
