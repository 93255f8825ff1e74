"""CUDA: what Brian2CUDA needs to run astrocytes."""
