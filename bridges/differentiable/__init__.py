"""Any model of `astrobrian.equations` as a differentiable `torch.nn.Module`, generated from its declaration."""
