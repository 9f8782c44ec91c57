"""From loops to LLVM: the text of kernels, vector math, the contraction, targets."""
