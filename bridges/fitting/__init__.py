"""Parameters of models from recorded or simulated traces, with confidence intervals."""
