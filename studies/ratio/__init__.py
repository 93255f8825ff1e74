"""The ratio study: how many astrocytes per neuron make a network learn best.

After Yang et al. (2025), re-specified: their constants aren't known, so every one of `constants` is this project's own.
A *liquid* of neurons and astrocytes is driven by a *task*, a *read-out* learns from its states, and each such *trial*
is a row of the store. A *batch* is what runs as one block-diagonal Brian2 network.
"""
