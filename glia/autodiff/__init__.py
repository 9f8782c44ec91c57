"""Derivatives: one walk over the IR applying the table's local rules."""
