"""Spontaneous calcium oscillations of an isolated astrocyte."""

from astrobrian.equations.library.shared import ANY_CONCENTRATION
from astrobrian.equations.model import Model
from astrobrian.equations.parameter import Parameter
from astrobrian.equations.references import LAVRENTOVICH_HEMKIN_2008

_SOURCE = f"{LAVRENTOVICH_HEMKIN_2008.key}, values of ModelDB 223144"

# ratios are raised to a power, not concentrations: a unit can't have an exponent that is a parameter
lavrentovich_hemkin = Model(
    name="lavrentovich_hemkin",
    text="""
        dCa/dt = v_in - k_out*Ca + v_CICR - v_SERCA + k_f*(CaER - Ca) : mmolar
        dCaER/dt = v_SERCA - v_CICR - k_f*(CaER - Ca) : mmolar
        dIP3/dt = v_PLC - k_deg*IP3 : mmolar
        v_SERCA = v_M2*Ca**2/(Ca**2 + k_2**2) : mmolar/second
        v_PLC = v_p*Ca**2/(Ca**2 + k_p**2) : mmolar/second
        v_CICR = 4*v_M3*activation*inactivation*(CaER - Ca) : mmolar/second
        activation = (Ca/k_CaA)**n/(1 + (Ca/k_CaA)**n)*(IP3/k_IP3)**m/(1 + (IP3/k_IP3)**m) : 1
        inactivation = (k_CaA/k_CaI)**n/(1 + (Ca/k_CaI)**n) : 1
    """,
    parameters={
        "v_in": Parameter(0.05, "umolar/second", "calcium entry from outside", _SOURCE),
        "k_out": Parameter(0.5, "1/second", "calcium efflux rate", _SOURCE),
        "v_M2": Parameter(15, "umolar/second", "largest uptake by SERCA pumps", _SOURCE),
        "k_2": Parameter(0.1, "umolar", "calcium affinity of SERCA pumps", _SOURCE),
        "k_f": Parameter(0.5, "1/second", "calcium leak rate from the endoplasmic reticulum", _SOURCE),
        "v_M3": Parameter(40, "1/second", "largest rate of calcium release", _SOURCE),
        "k_CaA": Parameter(0.15, "umolar", "calcium activation constant of release", _SOURCE),
        "k_CaI": Parameter(0.15, "umolar", "calcium inactivation constant of release", _SOURCE),
        "n": Parameter(2.02, "1", "Hill coefficient for calcium", _SOURCE),
        "k_IP3": Parameter(0.1, "umolar", "IP3 activation constant of release", _SOURCE),
        "m": Parameter(2.2, "1", "Hill coefficient for IP3", _SOURCE),
        "v_p": Parameter(0.05, "umolar/second", "largest IP3 production by PLC", _SOURCE),
        "k_p": Parameter(0.3, "umolar", "calcium affinity of PLC", _SOURCE),
        "k_deg": Parameter(0.08, "1/second", "rate of IP3 degradation", _SOURCE),
    },
    initial={"Ca": "0.1*umolar", "CaER": "1.5*umolar", "IP3": "0.1*umolar"},
    bounds={"Ca": ANY_CONCENTRATION, "CaER": ANY_CONCENTRATION, "IP3": ANY_CONCENTRATION},
    references=(LAVRENTOVICH_HEMKIN_2008,),
)
