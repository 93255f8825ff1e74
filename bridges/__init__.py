"""Brian2 to Torch and back: distilled units, AM-SU layers, the AstroSNN language model."""

import sys
from importlib import import_module
from importlib.util import find_spec
from typing import Any

if __name__ != "astrobrian.bridges" or getattr(sys.modules["astrobrian"], "__file__", None) is None:
    raise ImportError(f"{__name__} loaded outside the astrobrian package from {__file__}")

for _needed in ("torch", "safetensors"):
    if find_spec(_needed) is None:
        raise ImportError(
            f'astrobrian.bridges needs {_needed}: pip install "astrobrian[torch]"', name=_needed
        )

# imported on first use, so that reading a unit file doesn't wait for Brian2's simulator, nor a look at the version for Torch
_HOMES = {
    "amsu": ("AMSU", "AMSUDrive", "AMSUState", "amsu_sequence", "amsu_step"),
    "astrosnn": ("ARMS", "AstroSNN", "AstroSNNConfig", "GRUModel", "build_model", "parameter_count"),
    "bank": ("Bank",),
    "checkpoint": ("CheckpointError", "load_model"),
    "corpus": ("Corpus", "load_corpus"),
    "deployment.export": ("to_brian2", "trained_layers"),
    "deployment.nir_graph": ("to_nir",),
    "differentiable.module": ("Differentiable",),
    "distillation.plots": ("plot_distillation", "plot_lost", "plot_orders"),
    "distillation.reduction": ("Distillation", "distill", "fit_recording", "select_order"),
    "distillation.scores": ("r_squared",),
    "distillation.windows": ("Fit",),
    "fitting.fit": ("fit_parameters",),
    "fitting.least_squares": ("FitError",),
    "fitting.result": ("FitWarning", "ParameterFit"),
    "fitting.traces": ("Trace", "TraceError", "read_trace"),
    "generation": ("generate",),
    "linear": ("RowLinear",),
    "protocols": (
        "Ensemble",
        "Events",
        "Protocol",
        "Recording",
        "RecordingFileError",
        "Trains",
        "load_recording",
        "simulate",
    ),
    "torch_codegen": ("TokenStep", "token_step"),
    "training": (
        "TrainingConfig",
        "TrainingError",
        "bits_per_byte",
        "compare_arms",
        "plot_training",
        "train",
    ),
    "unit": ("SealedFileError", "Unit", "UnitFileError", "load_unit"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = sorted(_HOME_OF)  # noqa: PLE0605


def __getattr__(name: str) -> Any:
    if name in _HOME_OF:
        return getattr(import_module(f"astrobrian.bridges.{_HOME_OF[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
