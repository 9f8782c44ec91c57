"""``glia bench``: every published workload, glia beside its peers, in one interleaved run."""
