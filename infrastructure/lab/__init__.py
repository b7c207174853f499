"""Work in columns: the mirror, grids of policies, kernels, statistics, the cluster."""
