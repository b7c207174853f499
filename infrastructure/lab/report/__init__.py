"""Reports of the laboratory: one self-contained HTML page for each run."""
