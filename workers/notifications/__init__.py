"""Notices that leave the platform: claimed, sent, accounted for."""
