"""Makes the small PyTorch files beside it; made with PyTorch 1.13. CheckpointTest knows their values."""

import collections
import torch

base = torch.arange(12, dtype=torch.float32).reshape(3, 4) / 2
module = torch.nn.Linear(4, 3)
with torch.no_grad():
    module.weight.copy_(base)
    module.bias.copy_(base[:, 0])

state = collections.OrderedDict(module.state_dict())
state._metadata = module.state_dict()._metadata
state.update(
    base=base,
    transposed=base.t(),
    row=base[1],
    column=base[:, 1],
    expanded=base[0, 3:4].expand(2),
    scalar=torch.tensor(2.5, dtype=torch.float64),
    empty=torch.empty(0, 4),
    parameter=torch.nn.Parameter(base.to(torch.bfloat16)),
    half=base.to(torch.float16),
    ids=torch.tensor([1, -2, 1 << 40]),
    mask=torch.tensor([True, False]),
    step=7,
    rate=0.5,
    note="a checkpoint",
    nothing=None,
    finished=True,
)
torch.save(state, "zip.pth")
torch.save(state, "zip-protocol4.pth", pickle_protocol=4)
torch.save(state, "legacy.pth", _use_new_zipfile_serialization=False)
