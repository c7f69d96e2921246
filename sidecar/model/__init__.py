"""Frozen values and pure rules: addresses, challenges, subjects, proofs, events. No I/O, no clock, no framework."""
