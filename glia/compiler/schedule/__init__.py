"""From a graph to kernels: what is stored where, which loops run, in which order."""
