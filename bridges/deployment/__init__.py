"""A trained layer leaves Torch: as a Brian2 network, as a file that needs no Torch, as a NIR graph."""
