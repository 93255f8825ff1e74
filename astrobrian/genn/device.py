"""The device that ``use_backend("genn")`` chooses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from weakref import WeakSet

import numpy as np
from brian2 import Network, Quantity, prefs, second
from brian2.codegen.runtime.numpy_rt import NumpyCodeObject
from brian2.core.namespace import get_local_namespace
from brian2.devices.device import RuntimeDevice, all_devices
from brian2.groups.group import CodeRunner, Group

from astrobrian.backends.findings import Refusal, UnsupportedFeature, conclude
from astrobrian.genn import running
from astrobrian.genn.lowering import Lowering
from astrobrian.genn.monitors import Filling, write_back
from astrobrian.genn.plain import lower
from astrobrian.genn.populations import report_violations
from astrobrian.genn.sending import Results

#: Its name for `brian2.set_device`.
NAME = "astrobrian_genn"


class GeNNDevice(RuntimeDevice):
    """Brian2's runtime device, in NumPy, except that GeNN runs the network."""

    def __init__(self) -> None:
        super().__init__()
        self.activate()

    def activate(
        self,
        build_on_run: bool = True,
        gpu: int | None = None,
        directory: str | Path | None = None,
        compile: bool = True,
        run: bool = True,
    ) -> None:
        """Begin anew.

        Parameters
        ----------
        build_on_run : bool
            Means nothing here.
        gpu : int, optional
            Which GPU; by default GeNN uses the CPU.
        directory : path, optional
            Where GeNN's code is left; by default nowhere.
        compile, run : bool, optional
            Whether the code that GeNN gets is compiled and run; if not, it is only generated, and nothing simulated.
        """
        self.gpu, self.is_run = gpu, compile and run
        #: Networks that would have been run if more than code were asked for.
        self._generated: WeakSet[Network] = WeakSet()
        self.directory = None if directory is None else Path(directory)
        super().activate(build_on_run)

    def code_object_class(self, codeobj_class: type | None = None, fallback_pref: str | None = None) -> type:
        return NumpyCodeObject if codeobj_class is None else codeobj_class

    def network_run(
        self,
        net: Network,
        duration: Quantity,
        report: Any = None,
        report_period: Quantity = 10 * second,
        namespace: Mapping[str, Any] | None = None,
        profile: bool | None = None,
        level: int = 0,
    ) -> None:
        """Lower the network, let GeNN run it, and give the user's objects what came out."""
        if refusals := [*_refused_at_once(net, profile, net.t_ > 0 or net in self._generated)]:
            raise UnsupportedFeature("genn", refusals)
        if namespace is None:
            namespace = get_local_namespace(level=level + 2)
        if not duration:  # nothing to simulate: Brian2 initialises what it initialises
            Network.run.original_function(net, duration, namespace=namespace)
            return
        net._clocks = {each.clock for each in net.sorted_objects}
        for clock in net._clocks:
            clock.set_interval(net.t, net.t + duration)
        net.before_run(namespace)
        single = prefs.core.default_float_dtype == np.float32
        lowering, fillings = lower(net, single)
        conclude("genn", lowering.refusals, lowering.rewritings)
        # follows brian2.seed, as what is drawn here does
        lowering.program.seed = int(np.random.randint(2**31))
        results = running.run(lowering.program, self.gpu, self.directory, self.is_run)
        if results is None:
            self._generated.add(net)
        else:
            _give_back(net, float(duration), lowering, fillings, results)
            for group in (each for each in net.sorted_objects if isinstance(each, Group)):
                group._check_for_invalid_states()
        net.after_run()


def _refused_at_once(net: Network, profile: bool | None, again: bool) -> Iterator[Refusal]:
    """What stands in the way before Brian2 generates code."""
    if again:
        reason = "it has run already, and GeNN would begin anew; give the whole duration to one run"
        yield Refusal("several_runs", net.name, reason)
    if profile:
        yield Refusal("profiling", net.name, "profile=True isn't possible")
    for each in net.sorted_objects:
        if isinstance(each, CodeRunner) and str(getattr(each, "method_choice", "")).startswith("gsl"):
            yield Refusal("gsl", each.group.name, f"method={each.method_choice!r}, and GeNN has no GSL")


def _give_back(
    net: Network, duration: float, lowering: Lowering, fillings: list[Filling], results: Results
) -> None:
    """Leave the user's objects, clocks included, as they would be had they run here."""
    program = lowering.program
    violation = report_violations(lowering, results)
    steps = program.steps if violation is None else violation + 1
    write_back(lowering, results)
    for fill in fillings:
        fill(results, steps)
    net.t_ = duration if violation is None else steps * program.dt
    for clock in net._clocks:
        done = -(-steps // lowering.every(clock))
        clock.variables["timestep"].set_value(done)
        clock.variables["t"].set_value(done * clock.dt_)


_device = GeNNDevice()
all_devices[NAME] = _device


def genn_device() -> GeNNDevice:
    """The device, to be given to `brian2.set_device`."""
    return _device
