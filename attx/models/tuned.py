"""What makes a library's network faster without changing what it computes, but for rounding.

Modules keep their names and places; a batch norm that is part of the convolution before it becomes an identity.
"""

import torch
from torch import Tensor, fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def tuned(net: nn.Module) -> nn.Module:
    """`net`, changed in place and in eval mode."""
    fold_batch_norms(net.eval())
    for module in net.modules():
        if type(module) is nn.MultiheadAttention and module.batch_first:
            module.__class__ = _Attention
    return net


def fold_batch_norms(net: nn.Module) -> None:
    """Each batch norm that takes a convolution's output, which goes nowhere else, becomes part of that convolution.

    Does nothing to networks whose operations depend on their inputs' values.
    """
    try:
        nodes = fx.Tracer().trace(net).nodes
    except Exception:  # whatever a network's Python does with a symbol
        return
    modules = dict(net.named_modules())
    called = [node.target for node in nodes if node.op == "call_module"]
    for node in nodes:
        if node.op != "call_module" or type(modules[node.target]) is not nn.BatchNorm2d:
            continue
        source = next(iter(node.all_input_nodes), None)
        if (
            source is None
            or source.op != "call_module"
            or type(modules[source.target]) is not nn.Conv2d
            or len(source.users) > 1
        ):
            continue
        if called.count(node.target) == called.count(source.target) == 1:
            # in float64, so that folding adds one rounding only
            conv, norm = modules[source.target].double(), modules[node.target].double()
            net.set_submodule(source.target, fuse_conv_bn_eval(conv, norm).float())
            net.set_submodule(node.target, nn.Identity())


class _Attention(nn.MultiheadAttention):
    """Lays its input out as the projection wants it: in another layout, and with weights that require no gradients,
    torch multiplies image by image, by copies of the weights."""

    def forward(self, query: Tensor, key: Tensor, value: Tensor, **options) -> tuple[Tensor, Tensor | None]:
        if query is key is value and query.ndim == 3 and torch.is_grad_enabled():
            query = key = value = query.transpose(0, 1).contiguous().transpose(0, 1)
        return super().forward(query, key, value, **options)
