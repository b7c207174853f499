"""Evidence for or against policies: resampling, verdicts, walk forward, attribution, measures."""
