"""Linking and merging users."""
