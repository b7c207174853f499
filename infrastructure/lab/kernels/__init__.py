"""The formulas as compiled kernels. Written by `exitbrain.infrastructure.lab.formula_kernel`."""
