"""Astrocytes with gap junctions as a loop in C++, without Brian2: the yardstick for the same cells in AstroBrian.

It is what one would write by hand for this one problem: structure of arrays, neighbours in rows one after the other
(CSR), Runge-Kutta of fourth order, constants known to the compiler. Only the right-hand sides are not typed: SymPy
prints them from the models, with common subexpressions taken out.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
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

    const auto begin = std::chrono::steady_clock::now();
    for (int step = 0; step < steps; step++)
    {
        for (int i = 0; i < N; i++)
        {
            double sum = 0;
            for (int k = first[i]; k < first[i + 1]; k++)
                sum += flux(I[neighbour[k]], I[i]);
            J[i] = sum;
        }
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


def source(model: Model = chi, coupling: Model = gap_junction) -> str:
    """The text of the program.

    Parameters
    ----------
    model : Model, optional
        Of the astrocytes.
    coupling : Model, optional
        What flows into a cell from one of its neighbours: a flux ``J_coupling_post`` that depends on their IP3.
    """
    system = derive(model)
    states = system.states
    rates = [rate.xreplace(_values(model)) for rate in system.derivatives]
    flux = expression(coupling.equations[f"{FLUX}_post"].expr.code, coupling.name).xreplace(_values(coupling))

    def at(slope: str, part: str) -> str:
        return ", ".join(f"{x}[i] + {part}*{slope}_{x}" for x in states)

    def each(pattern: str, separator: str = ", ") -> str:
        return separator.join(pattern.replace("x", x) for x in states)

    parts = {
        "FLUX": _code([flux], ["return"]),
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


def compiled(folder: Path, flags: Sequence[str] | None = None) -> Path:
    """Write and compile the program.

    Parameters
    ----------
    folder : Path
        Where it goes.
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
    text.write_text(source())
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
