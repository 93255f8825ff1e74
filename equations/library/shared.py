"""What several models of the library read, and where their values were read."""

from astrobrian.equations.parameter import Input
from astrobrian.equations.references import DE_PITTA_BRUNEL_2016, STIMBERG_2019

STIMBERG = f"{STIMBERG_2019.key}, parameter table"
DE_PITTA_BRUNEL = f"{DE_PITTA_BRUNEL_2016.key}, Tables 1-3"

CALCIUM = Input("umolar", "calcium in the cytosol")
IP3 = Input("umolar", "IP3 in the cytosol")
GLIOTRANSMITTER = Input("umolar", "gliotransmitter outside the astrocyte")

# A picomolar is about one molecule in a cell: below zero by less is the rounding of a step, not a fault.
NO_CONCENTRATION = "-1*pmolar"
ANY_CONCENTRATION = (NO_CONCENTRATION, "inf*mmolar")
FRACTION = ("0", "1")
