"""Words -> statements, tagged against a codebook."""
