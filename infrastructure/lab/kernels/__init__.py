"""The kernels of the formulas, as `exitbrain.infrastructure.lab.formula_kernel` writes them."""
