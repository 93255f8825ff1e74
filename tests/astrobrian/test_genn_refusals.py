"""Tripartite synapses that GeNN can't run exactly are refused before anything is compiled, with the reason."""

import numpy as np
import pytest
from brian2 import Network, ms, set_device

from astrobrian import AstrocyteGroup, Neurons, TripartiteSynapses
from astrobrian.backends.findings import UnsupportedFeature, rewritten
from astrobrian.equations import (
    Model,
    cleft_glutamate,
    coba_lif,
    excitatory_conductance,
    gchi,
    gliotransmission,
    presynaptic_receptors,
    tsodyks_markram,
)
from astrobrian.genn import running
from astrobrian.genn.device import genn_device

RELEASE = tsodyks_markram + cleft_glutamate + presynaptic_receptors + excitatory_conductance


@pytest.fixture
def programs(monkeypatch):
    """The programs that would be run."""
    programs = []
    monkeypatch.setattr(running, "run", lambda program, *_: programs.append(program))
    set_device(genn_device())
    return programs


def synapses(model=RELEASE, astrocytes=20, index=None, **options):
    cells = Neurons(20, coba_lif, method="euler", name="cells")
    glia = AstrocyteGroup(astrocytes, gchi + gliotransmission, name="glia", dt=5 * ms)
    loop = TripartiteSynapses(cells, cells, glia, model, name="loop", **options)
    loop.connect()
    loop.cover(index=index or "j")
    return cells, glia, loop


def kept():
    made = synapses()
    made[2].keep("Gamma_S")
    return made


def with_delays():
    made = synapses()
    made[2].pre.delay = "(i + 20*j)*0.1*ms"
    return made


def operated():
    made = synapses()
    return *made, made[2].run_regularly("x_S = 1", dt=50 * ms)


def stimulated():
    made = synapses()
    return *made, made[1].run_regularly("G_A = 1*umolar", dt=50 * ms)


STOCHASTIC = Model(
    "stochastic",
    parameters=tsodyks_markram.parameters,
    on_pre="r_S = int(rand() < 0.5)",
)
REFUSED = {
    "published_form": lambda: synapses(form="published"),
    "kept_variables": kept,
    "stochastic_release_feeding": lambda: synapses(STOCHASTIC + cleft_glutamate + excitatory_conductance),
    "several_astrocytes_per_neuron": lambda: synapses(index="i"),
    "different_delays": with_delays,
    "synapses_regularly": operated,
    "stdp": lambda: synapses(on_post="x_S = 1"),
    "post_delays": lambda: synapses(RELEASE, on_post="r_old = 1", delay={"post": 1 * ms}),
    "sums_of_spikes": stimulated,
    "spikes_elsewhere": lambda: synapses(on_pre="v_post = E_l_post"),
    "presynaptic_variables": lambda: synapses(on_pre="Y_S += 1*umolar*int(v_post > 0*volt)"),
    "spikes_read_written": lambda: synapses(on_pre="g_i_post += 0.1*g_e_post"),
}


@pytest.mark.parametrize("feature", REFUSED)
def test_what_would_not_be_exact_is_refused(feature, programs):
    objects = REFUSED[feature]()
    with pytest.raises(UnsupportedFeature, match=objects[2].name) as refused:
        Network(*objects).run(10 * ms)
    assert feature in {each.feature for each in refused.value.refusals}
    assert programs == []


def test_random_release_that_feeds_nobody_runs(programs):
    release = STOCHASTIC + excitatory_conductance
    objects = synapses(release, on_pre="g_e_post += 0*nS*int(C_astro > 0*umolar)*r_S")
    Network(*objects).run(1 * ms)
    assert len(programs) == 1


def test_synapses_of_one_neuron_and_astrocyte_are_one_row_with_their_number(programs):
    Network(*synapses(astrocytes=2, index="int(j >= 12)")).run(1 * ms)
    (program,) = programs
    (feeding,) = (each for each in program.projections.values() if each.target == "glia" and each.on_pre)
    assert len(feeding.i) == 2 * 20
    np.testing.assert_array_equal(feeding.variables["multiplicity"], np.tile([12, 8], 20))
    assert (
        sum(len(each.i) for each in program.projections.values() if each.target == "cells" and each.on_pre)
        == 400
    )


def test_synapses_with_other_parameters_stay_apart(programs):
    objects = synapses(RELEASE.per_cell("U_0_star"), astrocytes=2, index="int(j >= 12)")
    objects[2].U_0_star = "0.3 + 0.1*int(j % 3 == 0)"
    Network(*objects).run(1 * ms)
    (program,) = programs
    feeding = [each for each in program.projections.values() if each.target == "glia" and each.on_pre]
    assert [len(each.i) for each in feeding] == [40, 40]
    assert sum(each.variables["multiplicity"].sum() for each in feeding) == 400


def test_what_is_rewritten_is_reported(programs):
    objects = synapses()
    rewritten.clear()
    Network(*objects).run(1 * ms)
    assert [(each.feature, each.object) for each in rewritten if each.object == "loop"] == [
        ("closed_loop", "loop")
    ]
