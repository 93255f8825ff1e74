"""Simulated tripartite loops distilled to a bank of astrocytes that hear themselves.

*Targets* are what was simulated, made comparable; a *follower* is a recurrent model that follows them; it is fitted in
*windows* of growing length, each begun at what was simulated. Baselines are followers too. *Scores* are made on
trajectories that run freely from the first token to the last.
"""
