"""One of several processes that train a layer on a share of a batch: ``python ddp_rank.py RANK WORLD FOLDER``."""

import sys
from pathlib import Path

import torch

from astrobrian.bridges import AMSU

SHARES = 4


def layer_and_batch():
    """The same in every process."""
    torch.manual_seed(0)
    layer = AMSU(6, 12, 3, 5, 500.0).double()
    return layer, 3 * torch.randn(SHARES, 20, 6, dtype=torch.float64)


def loss(layer, x):
    """Mean over the batch."""
    spikes, state = layer(x)
    return (spikes.sum(1).square().sum() + state.u.square().sum() + state.H.square().sum()) / x.shape[0]


def main(rank, world, folder):
    torch.set_num_threads(1)
    store = Path(folder, "store").as_uri()
    torch.distributed.init_process_group("gloo", init_method=store, rank=int(rank), world_size=int(world))
    layer, x = layer_and_batch()
    parallel = torch.nn.parallel.DistributedDataParallel(layer)
    loss(parallel, x.chunk(int(world))[int(rank)]).backward()
    torch.save([p.grad for p in layer.parameters()], Path(folder, f"{rank}.pt"))
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main(*sys.argv[1:])
