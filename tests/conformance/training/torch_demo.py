"""Stands for the torch programs of upstream's images: torchrun's ranks average their gradients by gloo.

Takes whatever flags theirs take; learns on rows that it makes itself.
"""

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

torch.set_num_threads(1)
dist.init_process_group("gloo")
rank, world = dist.get_rank(), dist.get_world_size()
torch.manual_seed(rank)
rows = torch.randn(256, 8)
answers = rows @ torch.linspace(-1, 1, 8)[:, None]
model = DistributedDataParallel(nn.Linear(8, 1))
optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
for _ in range(100):
    optimiser.zero_grad()
    loss = nn.functional.mse_loss(model(rows), answers)
    loss.backward()
    optimiser.step()
print(f"rank {rank} of {world}: loss={loss.item():.2e}", flush=True)
assert loss.item() < 1e-3
dist.barrier()
dist.destroy_process_group()
