"""Reports, each one self-contained HTML page for a run."""
