"""What learns from the states of liquids: many read-outs at once, with torch."""
