"""GeNN: a network, built by Brian2 on this machine, rewritten into what GeNN can express, and run by it."""
