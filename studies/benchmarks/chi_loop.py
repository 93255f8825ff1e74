"""Astrocytes with gap junctions as a loop in C++, without Brian2: the yardstick for the same cells in AstroBrian.

It is what one would write by hand for this one problem: structure of arrays, neighbours in rows one after the other
(CSR), Runge-Kutta of fourth order, constants known to the compiler. Only the right-hand sides are not typed: SymPy
prints them from the models, with common subexpressions taken out. An expert's version also computes the fluxes of all
links at once, with the vector functions of the C library.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
import sympy as sp
from brian2.codegen.cpp_prefs import get_compiler_and_args

from astrobrian.backends import compiler
from astrobrian.equations import Model, chi, gap_junction
from astrobrian.equations.symbolic import derive, expression, symbol
from astrobrian.standalone import vector_loops

FLUX = "J_coupling"

SOURCE = """
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <vector>

@DECLARED@
static inline double flux(const double I_pre, const double I_post)
{
    @FLUX@
}

static inline void rates(@ARGUMENTS@, const double J_coupling, @RESULTS@)
{
    @RATES@
}

template <class Number>
static void transfer(size_t (*how)(Number *, FILE *, size_t), std::vector<Number> &values, FILE *file)
{
    if (how(values.data(), file, values.size()) != values.size())
        std::exit(1);
}

template <class Number>
static size_t read(Number *to, FILE *file, size_t number) { return std::fread(to, sizeof(Number), number, file); }
static size_t write(double *from, FILE *file, size_t number) { return std::fwrite(from, sizeof(double), number, file); }

int main(int, char **arguments)
{
    const int N = std::atoi(arguments[1]), links = std::atoi(arguments[2]), steps = std::atoi(arguments[3]);
    const double dt = std::atof(arguments[4]);
    std::vector<int> first(N + 1), neighbour(links);
    std::vector<double> @VECTORS@, J_(N);
    double @ARRAYS@, *__restrict J = J_.data();
    FILE *input = std::fopen("input", "rb");
    transfer(read<int>, first, input);
    transfer(read<int>, neighbour, input);
    for (auto *state : {@POINTERS@})
        transfer(read<double>, *state, input);

    std::vector<int> target(links);
    std::vector<double> flowing(links);
    for (int i = 0; i < N; i++)
        for (int k = first[i]; k < first[i + 1]; k++)
            target[k] = i;

    const auto begin = std::chrono::steady_clock::now();
    for (int step = 0; step < steps; step++)
    {
        @FLUXES@
        #pragma omp simd
        for (int i = 0; i < N; i++)
        {
            double @SLOPES@;
            rates(@AT_0@, J[i], @a@);
            rates(@AT_A@, J[i], @b@);
            rates(@AT_B@, J[i], @c@);
            rates(@AT_C@, J[i], @d@);
            @STEP@
        }
    }
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
    std::printf("%.17g\\n", taken.count());
    FILE *output = std::fopen("output", "wb");
    for (auto *state : {@POINTERS@})
        transfer(write, *state, output);
    std::fclose(output);
}
"""

ONE_BY_ONE = """
        for (int i = 0; i < N; i++)
        {
            double sum = 0;
            for (int k = first[i]; k < first[i + 1]; k++)
                sum += flux(I[neighbour[k]], I[i]);
            J[i] = sum;
        }
"""

AT_ONCE = """
        #pragma omp simd
        for (int k = 0; k < links; k++)
            flowing[k] = flux(I[neighbour[k]], I[target[k]]);
        for (int i = 0; i < N; i++)
        {
            double sum = 0;
            for (int k = first[i]; k < first[i + 1]; k++)
                sum += flowing[k];
            J[i] = sum;
        }
"""

# which of the C library's functions there are for several numbers at once
DECLARED = files("astrobrian.standalone").joinpath("templates/vector_math.h")


@dataclass(frozen=True)
class Outcome:
    """What the loop did.

    Attributes
    ----------
    ns_per_cell_and_step : float
    states : dict of str to array
        Final values in SI units.
    """

    ns_per_cell_and_step: float
    states: dict[str, np.ndarray]


def source(expert: bool = False) -> str:
    """The text of the program, in an expert's version or not."""
    system = derive(chi)
    states = system.states
    rates = [rate.xreplace(_values(chi)) for rate in system.derivatives]
    flux = expression(gap_junction.equations[f"{FLUX}_post"].expr.code, gap_junction.name)

    def at(slope: str, part: str) -> str:
        return ", ".join(f"{x}[i] + {part}*{slope}_{x}" for x in states)

    def each(pattern: str, separator: str = ", ") -> str:
        return separator.join(pattern.replace("x", x) for x in states)

    parts = {
        "DECLARED": DECLARED.read_text() if expert else "",
        "FLUXES": AT_ONCE if expert else ONE_BY_ONE,
        "FLUX": _code([flux.xreplace(_values(gap_junction))], ["return"]),
        "ARGUMENTS": each("const double x"),
        "RESULTS": each("double &rate_x"),
        "RATES": _code(rates, [f"rate_{x} =" for x in states]),
        "VECTORS": each("x_(N)"),
        "ARRAYS": each("*__restrict x = x_.data()"),
        "POINTERS": each("&x_"),
        "SLOPES": each("a_x, b_x, c_x, d_x"),
        **{slope: each(f"{slope}_x") for slope in "abcd"},
        "AT_0": each("x[i]"),
        "AT_A": at("a", "dt/2"),
        "AT_B": at("b", "dt/2"),
        "AT_C": at("c", "dt"),
        "STEP": each("x[i] += dt/6*(a_x + 2*b_x + 2*c_x + d_x);", "\n"),
    }
    text = SOURCE
    for name, part in parts.items():
        text = text.replace(f"@{name}@", part)
    return text


def _values(model: Model) -> dict[sp.Symbol, sp.Float]:
    """What is constant, in SI units; the flux from the neighbours is not."""
    return {
        symbol(name): sp.Float(float(item.quantity)) for name, item in model.constants.items() if name != FLUX
    }


def _code(expressions: Sequence[sp.Expr], beginnings: Iterable[str]) -> str:
    """C++ statements for expressions, with what they have in common computed once."""
    common, reduced = sp.cse(expressions)
    lines = [f"const double {name} = {sp.ccode(value)};" for name, value in common]
    lines += [f"{beginning} {sp.ccode(e)};" for beginning, e in zip(beginnings, reduced, strict=True)]
    return "\n".join(lines)


def compiled(folder: Path, expert: bool = False, flags: Sequence[str] | None = None) -> Path:
    """Write and compile the program.

    Parameters
    ----------
    folder : Path
        Where it goes.
    expert : bool, optional
        Whether in an expert's version.
    flags : sequence of str, optional
        Of the compiler; by default those that AstroBrian gives it.

    Raises
    ------
    subprocess.CalledProcessError
        If it doesn't compile.
    """
    if flags is None:
        flags = [*get_compiler_and_args()[1], *vector_loops.flags()]
    text, program = folder / "loop.cpp", folder / "loop"
    text.write_text(source(expert))
    subprocess.run([str(compiler()), *flags, str(text), "-o", str(program)], check=True)
    return program


def run(
    program: Path, states: Mapping[str, np.ndarray], i: np.ndarray, j: np.ndarray, dt: float, steps: int
) -> Outcome:
    """Run a `compiled` program.

    Parameters
    ----------
    program : Path
    states : Mapping[str, array]
        Initial value of each state in SI units.
    i, j : array of int
        Cells from which and to which something flows, each pair in both directions.
    dt : float
        Time step in seconds.
    steps : int
        How many.

    Raises
    ------
    subprocess.CalledProcessError
        If the program fails.
    """
    names = derive(chi).states
    N = len(states[names[0]])
    first = np.concatenate([[0], np.cumsum(np.bincount(j, minlength=N))])
    neighbour = np.asarray(i)[np.argsort(j, kind="stable")]
    with (program.parent / "input").open("wb") as file:
        for indices in (first, neighbour):
            indices.astype(np.int32).tofile(file)
        for name in names:
            np.asarray(states[name], dtype=float).tofile(file)
    call = [str(program), *map(str, (N, len(neighbour), steps, dt))]
    done = subprocess.run(call, cwd=program.parent, check=True, capture_output=True, text=True)
    final = np.fromfile(program.parent / "output").reshape(len(names), N)
    return Outcome(float(done.stdout) / steps / N * 1e9, dict(zip(names, final, strict=True)))
