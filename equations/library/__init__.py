"""The published models, each with its equations, parameters and sources."""
