"""Programs for a GPU are compiled and linked; running them needs one."""

import subprocess

import numpy as np
import pytest
from brian2 import Network, NeuronGroup, SpikeMonitor, StateMonitor, ms

pytest.importorskip("brian2cuda", reason="Brian2CUDA is not installed")

from astrobrian import AstrocyteGroup, GapJunctions, Neurons, TripartiteSynapses, use_backend
from astrobrian.cuda import toolkit
from astrobrian.equations import (
    cleft_glutamate,
    coba_lif,
    excitatory_conductance,
    gchi,
    gliotransmission,
    presynaptic_receptors,
    tsodyks_markram,
)

pytestmark = [
    pytest.mark.skipif(toolkit.nvcc() is None, reason="nvcc is not installed"),
    pytest.mark.skipif(
        toolkit.nvcc() is not None and toolkit.curand(toolkit.nvcc()) is None,
        reason="cuRAND is not installed",
    ),
]


def closed_loop():
    """Neurons and astrocytes that act on each other, with what makes code of every kind."""
    neurons = Neurons(20, coba_lif, method="euler")
    neurons.v = "E_l + rand()*(V_th - E_l)"
    neurons.run_regularly("I_ex = 120*pA", dt=10 * ms)
    astrocytes = AstrocyteGroup(6, gchi + gliotransmission, dt=2 * ms)
    model = tsodyks_markram + cleft_glutamate + presynaptic_receptors + excitatory_conductance
    synapses = TripartiteSynapses(neurons, neurons, astrocytes, model)
    synapses.connect(p=0.3)
    synapses.delay = "rand()*2*ms"
    synapses.cover(index="j // 4")
    gap_junctions = GapJunctions(astrocytes, pairs=(range(5), range(1, 6)))
    calcium = StateMonitor(astrocytes, "C", record=True)
    monitors = SpikeMonitor(neurons), SpikeMonitor(astrocytes), SpikeMonitor(neurons[:5]), calcium
    return Network(neurons, astrocytes, synapses, gap_junctions, *monitors)


@pytest.mark.parametrize("precision", ["double", pytest.param("single", marks=pytest.mark.slow)])
def test_a_closed_loop_is_compiled_and_linked(tmp_path, precision):
    use_backend("cuda", precision=precision, directory=tmp_path, run=False)
    closed_loop().run(20 * ms)
    ended = subprocess.run([tmp_path / "main"], cwd=tmp_path, capture_output=True, text=True, check=False)
    if not toolkit.gpus():
        assert "cudaSetDevice" in ended.stderr
    else:
        assert ended.returncode == 0


@pytest.mark.slow
def test_one_thread_instead_of_many_is_compiled_too(tmp_path):
    use_backend("cuda", directory=tmp_path, run=False)
    neurons = NeuronGroup(8, "u : 1\nI : 1 (shared)", threshold="u > 1", reset="u = I*u")
    neurons.run_regularly("I += rand()\nu += I", dt=1 * ms)
    astrocytes = AstrocyteGroup(2, gchi)
    synapses = TripartiteSynapses(
        neurons,
        neurons,
        astrocytes,
        tsodyks_markram + cleft_glutamate,
        on_pre="u_post = clip(u_post + r_S, 0, 1)",
    )
    synapses.connect()
    synapses.cover(by="post", index=np.arange(8) // 4)
    Network(neurons, astrocytes, synapses).run(1 * ms)
    assert (tmp_path / "main").exists()
