"""Fused operators, generated from the symbolic declaration: C++ on a CPU, Triton on a CUDA device."""
