"""Columns: mirror, grids of policies, kernels, statistics, cluster."""
