"""What the liquids are asked to do."""
