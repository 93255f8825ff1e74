"""The command line: a sub-command for each job. Everything is imported where it is used, so that --help is quick."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from astrobrian.equations import Model
    from astrobrian.progress import Progress

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="""
Astrocytes for Brian2: simulate them, distil what they do into spiking units, train a language model of those.

`astrobrian demo` does all of it in one go. Step by step:

`astrobrian doctor` to see what works here, `astrobrian simulate network` for the published neuron-glia network,
`astrobrian distill` for a unit, `astrobrian train --unit ...` for a model, `astrobrian generate ...` for its text.

Each command that computes something leaves a folder with `summary.json` (figures, versions, seed, wall times), plots and data.
""",
)
console = Console()

Out = Annotated[Path, typer.Option(help="Folder for the results; made if it is missing.")]
# the range that Brian2 and NumPy take
Seed = Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Seed of all random numbers.")]
Backend = Annotated[str, typer.Option(help="What runs the simulation: numpy, cython, cpp, cuda or genn.")]
Text = Annotated[
    Path | None,
    typer.Option(
        help="A text file (may be .gz), of which the first 8 MB are read. Without it: the Python standard library's own sources."
    ),
]


@contextmanager
def progress_bars() -> Iterator[Progress]:
    """A bar for each stage that tells how far it has come."""
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description:<12}"),
        BarColumn(bar_width=30),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[words]}", style="dim", markup=False),
    )
    with Progress(*columns, console=console) as bars:
        tasks: dict[str, Any] = {}

        def tell(stage: str, done: float, words: str) -> None:
            if stage not in tasks:
                for earlier in tasks.values():
                    bars.update(earlier, completed=1.0)
                tasks[stage] = bars.add_task(stage, total=1.0, words="")
            bars.update(tasks[stage], completed=done, words=words)

        yield tell


def show_figures(figures: dict[str, Any], folder: Path) -> None:
    """Print the numbers of a command, and where the rest is."""
    table = Table(show_header=False, box=None)
    for name, value in figures.items():
        if not isinstance(value, (dict, list)):
            table.add_row(name, f"{value:.4g}" if isinstance(value, float) else escape(str(value)))
    console.print(table)
    console.print(f"Results are in [bold]{escape(str(folder))}[/bold]")


@app.command()
def demo(
    out: Out = Path("results/demo"), backend: Backend = "cpp", seed: Seed = 0, text: Text = None
) -> None:
    """
    The whole path: the published network, a distilled unit, a trained model, and text that it writes.

    Takes a quarter of an hour on two cores. Ctrl-C leaves what was finished.
    """
    from astrobrian.studies.demo import demo as run

    with progress_bars() as progress:
        results = run(out, backend=backend, seed=seed, text=text, progress=progress)
    show_figures(results.figures, results.folder)


@app.command()
def simulate(
    figure: Annotated[str, typer.Argument(help="Name or number of a figure; without one, lists them.")] = "",
    out: Annotated[
        Path | None, typer.Option(help="Folder for the results; by default results/<figure>.")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="A setting of the figure, such as duration=2*second."
        ),
    ] = None,
) -> None:
    """
    Simulate and plot a figure of Stimberg, Goodman, Brette & De Pittà (2019).

    Examples: `astrobrian simulate network`, `astrobrian simulate fig3`,
    `astrobrian simulate network --set mapping=published --set duration=4*second --set backend=cython`
    """
    from astrobrian.studies import figures

    if not figure:
        table = Table("name", "", "what it shows", "settings", title="Figures")
        for study in figures.figures.values():
            table.add_row(study.name, f"fig{study.number}", study.title, ", ".join(study.settings))
        console.print(table)
        return
    study = figures.find(figure)
    settings = read_settings(set_ or [], study.settings)
    with progress_bars() as progress:
        results = figures.run_figure(
            study.name, out or Path("results") / study.name, progress=progress, **settings
        )
    show_figures(results.figures, results.folder)


@app.command()
def distill(
    out: Out = Path("results/unit"),
    regime: Annotated[Literal["AM", "FM"], typer.Option(help="What of calcium follows the input.")] = "AM",
    loop: Annotated[
        Literal["closed", "open"], typer.Option(help="Whether an astrocyte changes what it senses.")
    ] = "closed",
    study: Annotated[
        bool, typer.Option("--study", help="Every regime and loop, with all models to compare with.")
    ] = False,
    effort: Annotated[float, typer.Option(help="Multiplies the number of updates of the fits.")] = 1.0,
    backend: Backend = "cpp",
    seed: Seed = 0,
) -> None:
    """
    Distil a tripartite loop into a unit: a bank of astrocytes that hear themselves.

    Simulates astrocytes under steps, bursts, drifts and chirps of presynaptic rate, fits the unit to calcium and to what
    the astrocytes do to the release, and scores it on stimuli that it wasn't fitted to. Leaves `unit.safetensors`.

    Examples: `astrobrian distill --regime FM`, `astrobrian distill --study --out results/distillation`
    """
    with progress_bars() as progress:
        if study:
            from astrobrian.studies.distillation.study import run_study

            results = run_study(out, backend=backend, seed=seed, effort=effort, progress=progress)
        else:
            from astrobrian.studies.distillation.command import run_distillation

            results = run_distillation(out, regime, loop, backend, seed, effort, progress)
    show_figures(results.figures, results.folder)


@app.command()
def fit(
    trace: Annotated[Path, typer.Argument(help="A CSV, NPZ or NWB file.")],
    model: Annotated[str, typer.Option(help="A model, or a sum: gchi+gliotransmission.")],
    observed: Annotated[str, typer.Option(help="The variable that was recorded, such as C.")],
    parameter: Annotated[
        list[str],
        typer.Option(
            metavar="NAME=LOW:HIGH", help="What is fitted, in the model's unit unless one is given."
        ),
    ],
    out: Out = Path("results/fit"),
    column: Annotated[
        list[str] | None, typer.Option(help="A column, array or NWB series; all but the times by default.")
    ] = None,
    unit: Annotated[str, typer.Option(help="Unit of the trace.")] = "1",
    time: Annotated[str, typer.Option(help="Column or array of the times.")] = "time",
    time_unit: Annotated[str, typer.Option(help="Unit of the times.")] = "second",
    affine: Annotated[
        bool, typer.Option("--affine", help="The trace is scale*variable + offset, as of fluorescence.")
    ] = False,
    input_: Annotated[
        list[str] | None,
        typer.Option(
            "--input",
            metavar="NAME=VALUE or NAME=@COLUMN",
            help="What drives the model: a value, or a column of the trace file, both in the model's unit unless "
            "one is given, as in Y_S=@stimulus:umolar.",
        ),
    ] = None,
    initial: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE or NAME=LOW:HIGH",
            help="An initial value with its unit, known or to be fitted.",
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A parameter that isn't fitted."),
    ] = None,
    parameters: Annotated[str, typer.Option(help="A published parameter set to apply, such as FM.")] = "",
    method: Annotated[str, typer.Option(help="Integration, by Brian2's name.")] = "rk4",
    dt: Annotated[str, typer.Option(help="Time step.")] = "50*ms",
    starts: Annotated[int, typer.Option(min=1, help="From how many points the search goes down.")] = 16,
    level: Annotated[float, typer.Option(help="Of the intervals.")] = 0.95,
    profile: Annotated[
        bool, typer.Option(help="Intervals by the profile too, not by the Hessian alone.")
    ] = True,
    compiled: Annotated[
        bool, typer.Option("--compiled", help="Compile the time step, which takes a minute: for long traces.")
    ] = False,
    seed: Seed = 0,
) -> None:
    """
    Fit parameters of a model to a recorded trace, with confidence intervals.

    Leaves the values, their intervals and what to beware of in `fit.json`, a plot, and the fitted model.

    Examples: `astrobrian fit calcium.csv --model gchi --observed C --unit umolar --parameter O_beta=0.1:3
    --column soma --input Y_S=@stimulus:umolar`,
    `astrobrian fit dff.nwb --model chi --observed C --affine --parameter O_delta=0.05:2 --initial C=0*umolar:1*umolar`
    """
    from brian2 import second

    from astrobrian.bridges import read_trace
    from astrobrian.studies.fitting import run_fit

    base = read_model(model)
    if parameters:
        base = read_parameter_set(parameters)(base)
    base = base(**read_settings(set_ or [], {n: item.quantity for n, item in base.constants.items()}))
    units = {name: item.unit for name, item in base.constants.items()}
    ranges = {name: read_range(text, units[name]) for name, text in read_pairs(parameter, units).items()}
    drives: dict[str, Any] = {}
    for name, text in read_pairs(input_ or [], units).items():
        if not text.startswith("@"):
            drives[name] = read_quantity(text, units[name])
            continue
        source, _, its_unit = text[1:].partition(":")
        if not column:
            raise ValueError(f"name what was recorded with --column, as {source!r} of {trace} is an input")
        drives[name] = read_trace(trace, source, its_unit or units[name], time, time_unit)
    # without a unit of their own: the scale that a state is declared with is Brian2's, not the field's
    begin = {
        name: read_range(text, "1") if ":" in text else read_quantity(text, "1")
        for name, text in read_pairs(initial or [], base.states).items()
    }
    recorded = read_trace(trace, column or (), unit, time, time_unit)
    with progress_bars() as progress:
        results = run_fit(
            out,
            base,
            recorded,
            ranges,
            observed,
            inputs=drives,
            initial=begin,
            affine=affine,
            method=method,
            **read_settings([f"dt={dt}"], {"dt": second}),
            starts=starts,
            level=level,
            profile=profile,
            compiled=compiled,
            seed=seed,
            progress=progress,
        )
    show_figures(results.figures, results.folder)
    for warning in results.figures["warnings"]:
        console.print(f"[yellow]beware:[/yellow] {escape(warning)}", highlight=False)


def read_pairs(given: list[str], known: Collection[str]) -> dict[str, str]:
    """What is written as ``name=value``, of names that are known."""
    pairs = {}
    for text in given:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals or not value:
            raise ValueError(f"this is written as name=value, got {text!r}")
        if name not in known:
            raise ValueError(f"the model has no {name!r}; it has {', '.join(known)}")
        pairs[name] = value
    return pairs


def read_quantity(text: str, declared: str) -> Any:
    """A number in the declared unit, or a quantity with its own."""
    from astrobrian.equations.quantity import unit

    try:
        return float(text) * unit(declared)
    except ValueError:
        return unit(text)


def read_range(text: str, declared: str) -> tuple[Any, Any]:
    """Two of them, written as ``low:high``."""
    low, colon, high = (part.strip() for part in text.partition(":"))
    if not colon:
        raise ValueError(f"bounds are written as low:high, such as 0.1:3, got {text!r}")
    return read_quantity(low, declared), read_quantity(high, declared)


@app.command()
def train(
    out: Out = Path("results/model"),
    unit: Annotated[
        Path | None, typer.Option(help="A unit file, for the time constants to start from.")
    ] = None,
    text: Text = None,
    arm: Annotated[
        str, typer.Option(help="astrocyte, cut (the same without it), gru, or all of them.")
    ] = "astrocyte",
    steps: Annotated[int, typer.Option(help="Optimiser steps.")] = 500,
    seed: Seed = 0,
) -> None:
    """
    Train a small AstroSNN on the bytes of a text; going on where it was stopped.

    Examples: `astrobrian train --unit results/unit/unit.safetensors`, `astrobrian train --text novel.txt --arm all`
    """
    from astrobrian.studies.language import run_training

    with progress_bars() as progress:
        results = run_training(out, unit=unit, text=text, arm=arm, steps=steps, seed=seed, progress=progress)
    show_figures(results.figures, results.folder)


@app.command()
def generate(
    model: Annotated[Path, typer.Argument(help="A checkpoint, or the folder that holds one.")],
    prompt: Annotated[str, typer.Option(help="What the text begins with.")] = "\n",
    length: Annotated[int, typer.Option(help="Bytes to write.")] = 500,
    temperature: Annotated[
        float, typer.Option(help="0 takes the likeliest byte, 1 samples as trained.")
    ] = 0.8,
    seed: Seed = 0,
) -> None:
    """
    Write text with a trained model.

    Example: `astrobrian generate results/model/astrocyte --prompt "def "`
    """
    from astrobrian.bridges import generate as write
    from astrobrian.bridges import load_model

    begin = os.fsencode(prompt)
    written = write(load_model(model), begin, length=length, temperature=temperature, seed=seed)
    sys.stdout.buffer.write(begin + written + b"\n")


@app.command()
def models(
    name: Annotated[
        str, typer.Argument(help="A model, or a sum: gchi+gliotransmission. Without it, lists them.")
    ] = "",
    parameters: Annotated[str, typer.Option(help="A published parameter set to apply, such as FM.")] = "",
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A parameter, such as O_beta=2*umolar/second."),
    ] = None,
    cite: Annotated[bool, typer.Option("--cite", help="Print BibTeX entries instead.")] = False,
) -> None:
    """
    Print a model of the library as Brian2 will get it, each constant with its unit, meaning and source.

    Examples: `astrobrian models`, `astrobrian models gchi+gliotransmission`, `astrobrian models chi --parameters FM`
    """
    if not name:
        list_models()
        return
    model = read_model(name)
    if parameters:
        model = read_parameter_set(parameters)(model)
    model = model(**read_settings(set_ or [], {n: item.quantity for n, item in model.constants.items()}))
    console.print(model.citation() if cite else str(model), markup=False, highlight=False, soft_wrap=True)


def list_models() -> None:
    """Print the library: models and parameter sets."""
    from astrobrian.equations import models as library
    from astrobrian.equations import parameter_sets

    table = Table("model", "states", "source", title="Models")
    for model in library().values():
        sources = ", ".join(reference.key for reference in model.references)
        table.add_row(model.name, " ".join(model.states), sources)
    console.print(table)
    table = Table("set", "sets", "source", title="Parameter sets")
    for values in parameter_sets().values():
        table.add_row(values.name, " ".join(values.values), values.source)
    console.print(table)


def read_model(name: str) -> Model:
    """A model of the library, or the sum of several, by name."""
    from astrobrian.equations import models as library

    parts = [part.strip() for part in name.split("+")]
    unknown = [part for part in parts if part not in library()]
    if unknown:
        raise ValueError(f"there is no model {unknown[0]!r}; there are {', '.join(library())}")
    first, *rest = (library()[part] for part in parts)
    return sum(rest, start=first)


def read_parameter_set(name: str) -> Any:
    """A parameter set of the library by name."""
    from astrobrian.equations import parameter_sets

    if name not in parameter_sets():
        raise ValueError(f"there is no parameter set {name!r}; there are {', '.join(parameter_sets())}")
    return parameter_sets()[name]


def read_settings(given: list[str], defaults: dict[str, Any]) -> dict[str, Any]:
    """Settings written as ``name=value``, each of the type that its default has."""
    settings = {}
    for text in given:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals:
            raise ValueError(f"a setting is written as name=value, got {text!r}")
        if name not in defaults:
            raise ValueError(f"there is no setting {name!r}; there are {', '.join(defaults)}")
        try:
            settings[name] = read_value(value, defaults[name])
        except ValueError as error:
            raise ValueError(f"the setting {name} can't be {value!r}: {error}") from error
    return settings


def read_value(text: str, like: Any) -> Any:
    """A value of the type of another one; raises ValueError if the text isn't one."""
    from brian2 import Quantity, have_same_dimensions

    from astrobrian.equations.quantity import unit

    if isinstance(like, str):
        return text
    if isinstance(like, tuple):
        return tuple(read_value(part.strip(), like[0]) for part in text.split(","))
    if not isinstance(like, Quantity):
        return type(like)(text)
    value = unit(text)
    if not have_same_dimensions(value, like):
        raise ValueError(f"it is a quantity such as {like}; write it with its unit, as in 2*second")
    return value


@app.command()
def ratio(
    out: Out = Path("results/ratio"),
    quick: Annotated[
        bool, typer.Option("--quick", help="A small one of a few minutes, to try it out.")
    ] = False,
    sensitivity: Annotated[
        bool, typer.Option("--sensitivity", help="Instead: which constants matter, one changed at a time.")
    ] = False,
    backend: Backend = "cpp",
    neurons: Annotated[str, typer.Option(help="Numbers of neurons, such as 0,8,16.")] = "",
    astrocytes: Annotated[str, typer.Option(help="Numbers of astrocytes.")] = "",
    seeds: Annotated[int | None, typer.Option(min=1, help="Networks of each kind and size.")] = None,
    seeds_per_network: Annotated[
        int,
        typer.Option(min=0, help="Seeds that are simulated together; 0 is one, and all of them on a GPU."),
    ] = 0,
    seed: Seed = 0,
    units: Annotated[str, typer.Option(help="formal, biophysical, or formal,biophysical.")] = "",
    tasks: Annotated[
        str, typer.Option(help="Some of lorenz, mackey_glass, narma, memory and digits, with commas.")
    ] = "",
    arms: Annotated[str, typer.Option(help="Some of mixed, unconnected, slow and matched.")] = "",
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A constant, such as wiring.in_degree=4."),
    ] = None,
    scheduler: Annotated[
        str, typer.Option(help="Address of a dask scheduler, to run on its workers instead of here.")
    ] = "",
    workers: Annotated[
        int | None,
        typer.Option(
            min=1, help="Processes on this machine; by default one for each core, and one for a GPU."
        ),
    ] = None,
) -> None:
    """
    How many astrocytes per neuron make a network learn best: after Yang et al. (2025), re-specified.

    Thousands of networks of all sizes are simulated, and read-outs trained on what they do in several tasks. Whatever
    ends it, the same command goes on where it was. Leaves a page, plots and all trials in trials.sqlite. Takes an hour
    on two cores; `--quick` takes minutes, and `--sensitivity` a quarter of an hour for one kind of units.

    Examples: `astrobrian ratio --quick`, `astrobrian ratio --neurons 0,32,64 --astrocytes 0,32,64,128 --tasks lorenz`,
    `astrobrian ratio --set wiring.in_degree=4 --out results/sparse`, `astrobrian ratio --sensitivity`,
    `astrobrian ratio --scheduler tcp://10.0.0.1:8786`
    """
    from astrobrian.studies.ratio.needs import check_packages

    check_packages()
    from dataclasses import replace

    from astrobrian.studies.ratio import settings as known
    from astrobrian.studies.ratio.liquids import Units
    from astrobrian.studies.ratio.sensitivity import run_sensitivity, small
    from astrobrian.studies.ratio.study import run_ratio

    base = known.quick() if quick else known.Settings()
    constants = base.constants.changed(read_settings(set_ or [], base.constants.flat()))
    if sensitivity:
        study, out = small(constants, Units(units or "formal"), backend, seed), out / "sensitivity"
    else:
        given = {"neurons": neurons, "astrocytes": astrocytes, "units": units, "tasks": tasks, "arms": arms}
        lists = [f"{name}={text}" for name, text in given.items() if text]
        study = replace(
            base,
            **read_settings(lists, base.described()),
            constants=constants,
            backend=backend,
            seeds=seeds or base.seeds,
            seeds_per_network=seeds_per_network,
            seed=seed,
        )
    run = run_sensitivity if sensitivity else run_ratio
    with progress_bars() as progress:
        results = run(out, study, scheduler=scheduler or None, number=workers, progress=progress)
    show_figures(results.figures, results.folder)


@app.command()
def bench(
    rows: Annotated[list[str] | None, typer.Argument(help="Rows of the table; all by default.")] = None,
    repetitions: Annotated[int, typer.Option(min=1, help="How often each side is measured.")] = 5,
    out: Annotated[Path, typer.Option(help="Folder of the results, with the table in its README.md.")] = Path(
        "benchmarks"
    ),
) -> None:
    """
    Measure how fast it is, beside what, and write the table. Leave the machine alone meanwhile.

    Takes about 25 minutes for all rows on two cores. What was measured of this source on this machine isn't measured
    again, so that an interrupted run goes on where it was; delete the file of a row to measure it anew.

    Examples: `astrobrian bench`, `astrobrian bench figure6-published --repetitions 9`
    """
    from astrobrian.studies.benchmarks.bench import bench as run
    from astrobrian.studies.benchmarks.table import summary

    with progress_bars() as progress:
        run(
            rows or [],
            repetitions,
            out,
            progress=progress,
            ended=lambda row, found: console.print(summary(row, found), markup=False, highlight=False),
        )
    console.print(f"The table is in [bold]{escape(str(out / 'README.md'))}[/bold]")


@app.command()
def compatibility(
    backend: Annotated[
        list[str] | None, typer.Option(help="A backend; by default all that can be used here.")
    ] = None,
    feature: Annotated[list[str] | None, typer.Option(help="A row of the table; all by default.")] = None,
    depth: Annotated[
        str,
        typer.Option(
            help="run, compiled or generated; by default as far as this machine can take a program."
        ),
    ] = "",
    out: Annotated[Path, typer.Option(help="Folder of the records, one for each backend.")] = Path(
        "benchmarks/compatibility"
    ),
) -> None:
    """
    Run every feature on every backend that is here, and compare the answers.

    Takes minutes for each backend, most of them for compilers.

    Examples: `astrobrian compatibility --backend cpp`, `astrobrian compatibility --backend genn --feature closed_loop`
    """
    from astrobrian.backends.features import FEATURES
    from astrobrian.studies.compatibility.compatibility import compatibility as run

    with progress_bars() as progress:
        records, absent = run(
            out, backend or (), depth=depth or None, features=feature or (), progress=progress
        )
    table = Table(
        "feature", *(f"{record.backend}\n{record.device}" for record in records), title="Compatibility"
    )
    colours = {"works": "green", "lowered": "cyan", "refused": "yellow", "failed": "red"}
    for key in feature or FEATURES:
        found = [record.cells.get(key, {}).get("status", "") for record in records]
        table.add_row(FEATURES[key].title, *(f"[{colours.get(each, 'dim')}]{each}" for each in found))
    console.print(table)
    for name, reason in absent.items():
        console.print(f"{name} isn't here: {reason}", markup=False)
    for record in records:
        for key, cell in record.cells.items():
            if cell["status"] != FEATURES[key].status(record.backend):
                words = f"{record.backend}, {FEATURES[key].title}: {cell['status']}, {cell['reason']}"
                console.print(words, markup=False, highlight=False)
    console.print(f"The records are in [bold]{escape(str(out))}[/bold]")


@app.command()
def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print it for a program.")] = False) -> None:
    """
    What is installed, which backends work here, and for each that doesn't, why and what to do.

    Each backend that should work runs a small network in a process of its own, and has to give the same answer.
    """
    import json
    from dataclasses import asdict

    from astrobrian.doctor import doctor as examine

    if as_json:
        print(json.dumps(asdict(examine()), indent=2))
        return
    with console.status("running a small network on each backend"):
        report = examine()
    found = Table(title=f"Python {report.python} on {report.system}", show_header=False)
    for name, version in {**report.packages, **report.tools}.items():
        found.add_row(name, escape(version) if version else "[dim]not found[/dim]")
    console.print(found)
    backends = Table("backend", "", "why not, and what to do", title="Backends")
    for backend in report.backends:
        verdict = f"[green]works[/green] ({backend.seconds:.0f} s)" if backend.works else "[red]doesn't[/red]"
        backends.add_row(
            backend.name, verdict, escape("" if backend.works else f"{backend.reason}; {backend.fix}")
        )
    console.print(backends)


def main() -> None:
    """Run the command line; what a user can mend ends in one line instead of a traceback."""
    from brian2 import DimensionMismatchError

    # Torch's threads then sleep while they wait for each other. Spinning, they stall a machine whose cores are busy with
    # something else: training was seen to be six times slower. It counts only if it is set before Torch is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        app()
    except (ValueError, OSError, ImportError, ArithmeticError, DimensionMismatchError) as error:
        fail(error)
    except RuntimeError as error:
        if not type(error).__module__.startswith("astrobrian."):
            raise
        fail(error)


def fail(error: Exception) -> NoReturn:
    """Print an error in one line and end."""
    Console(stderr=True).print(
        f"[bold red]error:[/bold red] {escape(str(error))}", highlight=False, soft_wrap=True
    )
    sys.exit(2)
