"""Whether results prove anything: resampling, confidence, attribution."""
