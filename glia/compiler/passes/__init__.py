"""Rewrites of the expression graph: ``Graph -> Graph``."""
