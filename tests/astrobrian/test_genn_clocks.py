"""Slower clocks in a program that has only one."""

import numpy as np
import pytest

from astrobrian.genn.clocks import add_at_each, add_only, tick
from astrobrian.genn.program import Population, Program, Recording
from astrobrian.genn.rehearsal import rehearse

STEPS = 12


@pytest.fixture
def counting():
    """A population with two cells that count what happens, and what it counts in each time step."""
    population = Population("cells", 2)
    population.variable("x", [0.0, 10.0])

    def counted():
        program = Program(dt=1e-3, steps=STEPS, populations={"cells": population})
        program.recordings.append(Recording("x", "cells", "x", np.arange(2)))
        return rehearse(program).recording("x")[:, :STEPS]

    return population, counted


@pytest.mark.parametrize("every", [1, 2, 5])
def test_something_happens_at_each_so_manieth_step_only(counting, every):
    population, counted = counting
    add_at_each(population, "integrate", every, ["y = x + 1", "x = y"])
    expected = np.arange(STEPS) // every + 1
    np.testing.assert_array_equal(counted(), [expected, expected + 10])


def test_two_clocks_do_not_mix_what_they_compute(counting):
    population, counted = counting
    add_at_each(population, "integrate", 2, ["y = 1", "x += y"])
    add_at_each(population, "integrate", 3, ["y = 100", "x += y"])
    steps = np.arange(STEPS)
    np.testing.assert_array_equal(counted()[0], steps // 2 + 1 + 100 * (steps // 3 + 1))


def test_a_pending_thing_belongs_to_the_step_before(counting):
    population, counted = counting
    add_at_each(population, "pending", 4, ["x += 1"])
    np.testing.assert_array_equal(counted()[0], (np.arange(STEPS) + 3) // 4)


def test_only_some_cells_do_it(counting):
    population, counted = counting
    add_only(population, "integrate", "x < 5", ["x += 1"])
    np.testing.assert_array_equal(counted()[:, -1], [5, 10])


def test_a_condition_that_is_the_same_for_all_cells_is_asked_in_each(counting):
    # what reads no variable of the cells is computed by GeNN's code before everything else
    population, counted = counting
    add_only(population, "integrate", "t > 0.0055", ["x += 1"])
    (begin, *_) = population.stages["integrate"]
    assert "everywhere" in begin
    np.testing.assert_array_equal(counted()[0], np.maximum(np.arange(STEPS) - 5, 0))


def test_a_clock_is_made_once(counting):
    population, _ = counting
    assert tick(population, 3) == tick(population, 3)
    assert len(population.stages["start"]) == 2
