"""Backward passes by other rules than the derivative: the way of DeepLIFT and LRP through a network.

Functions are caught as they are called, so it is all one whether a network reuses its modules, works in place, or calls
functions without modules; captum's hooks are on modules, and miss the last.
"""

import contextlib
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from attx.attribution.composed import COMPOSED
from attx.errors import UserError


def names(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


ACTIVATIONS = names(
    "relu relu_ relu6 hardtanh hardtanh_ hardswish hardsigmoid silu gelu elu elu_ selu selu_ celu celu_ leaky_relu "
    "leaky_relu_ prelu softplus softsign mish tanh tanh_ sigmoid sigmoid_ exp log sqrt rsqrt reciprocal square pow abs "
    "clamp clip"
)
PRODUCTS = names("mul mul_ multiply matmul bmm einsum")
QUOTIENTS = names("div div_ divide true_divide __rdiv__ __rtruediv__")
LINEAR = names(
    "conv1d conv2d conv3d conv_transpose2d linear batch_norm avg_pool1d avg_pool2d avg_pool3d adaptive_avg_pool1d "
    "adaptive_avg_pool2d adaptive_avg_pool3d mean sum cumsum add add_ sub sub_ subtract rsub __rsub__ neg negative "
    "dropout dropout2d alpha_dropout feature_dropout reshape reshape_as view view_as flatten unflatten transpose "
    "transpose_ permute movedim swapaxes swapdims squeeze unsqueeze expand expand_as broadcast_to cat concat stack "
    "chunk split tensor_split unbind narrow select index_select gather take_along_dim __getitem__ repeat tile "
    "repeat_interleave roll flip rot90 pad _pad interpolate upsample pixel_shuffle pixel_unshuffle channel_shuffle "
    "unfold fold contiguous clone to type type_as float double half __get__ masked_fill t adjoint identity copy_ "
    "requires_grad_ __setitem__ masked_fill_"
)
FOLLOWED = LINEAR | PRODUCTS | QUOTIENTS


class Rules(TorchFunctionMode):
    """Within it functions keep their values, but what depends on the image is differentiated by a method's own rules.

    A subclass has the rules: `activation`, `product`, `peak`, and `other` for what it treats in its own way.
    """

    def __init__(self) -> None:
        super().__init__()
        self.running = ["the model"]

    def __torch_function__(self, func: Callable, types: tuple, args: tuple = (), kwargs: dict | None = None) -> object:
        """A function of a tensor that depends on the image, by its rule; UserError where it has none."""
        kwargs = kwargs or {}
        depend = [t for t in (*args, *kwargs.values()) if isinstance(t, Tensor) and t.requires_grad]
        name = getattr(func, "__name__", "")
        if not depend or not torch.is_grad_enabled():
            return func(*args, **kwargs)
        rule = self.other(name) or self._rule(name, depend, args)
        if rule:
            return rule(func, *args, **kwargs)
        found = func(*args, **kwargs)
        several = found if isinstance(found, tuple | list) else (found,)
        if name not in FOLLOWED and any(isinstance(t, Tensor) and t.requires_grad for t in several):
            raise self.refusal(name)
        return found

    def other(self, name: str) -> Callable | None:
        """The subclass's rule for a function, which goes before the general ones."""

    def _rule(self, name: str, depend: list[Tensor], args: tuple) -> Callable | None:
        if name in ACTIVATIONS:
            return self.activation
        if name == "max_pool2d":
            return self.peak
        if name in QUOTIENTS and depend[-1] is args[0 if name.startswith("__r") else 1]:
            return self._quotient
        if name in PRODUCTS and len(depend) > 1:
            return self._product
        composed = COMPOSED.get(name)
        return composed and self._composed(composed)

    def refusal(self, name: str) -> UserError:
        """The error for a function without a rule."""
        return UserError(
            f"no rule for `{name}`, which {self.running[-1]} calls: deeplift and lrp are for networks of convolutions, "
            "linear layers, activations, norms, max and mean pooling, products and attention; integrated_gradients and "
            "expected_gradients take any network"
        )

    @contextlib.contextmanager
    def within(self, model: Callable) -> Iterator[None]:
        """Apply the rules within the block, and know which module of `model` is running."""
        handles = []

        def enter(name: str) -> Callable:
            return lambda module, inputs: self.running.append(f"{name or 'the model'} ({type(module).__name__})")

        def leave(module: nn.Module, inputs: tuple, output: object) -> None:
            self.running.pop()

        try:
            for name, module in model.named_modules() if isinstance(model, nn.Module) else ():
                handles += [module.register_forward_pre_hook(enter(name)), module.register_forward_hook(leave)]
            with self, torch.enable_grad():
                yield
        finally:
            for handle in handles:
                handle.remove()

    def _composed(self, function: Callable) -> Callable:
        """A function written in simpler ones, each of which has its rule."""

        def rule(func: Callable, *args, **kwargs) -> object:
            try:
                with self:
                    return function(*args, **kwargs)
            except NotImplementedError as error:
                raise self.refusal(f"{func.__name__} ({error})") from error

        return rule

    def _product(self, func: Callable, *args) -> Tensor:
        *first, a, b = args
        if len(first) != (func.__name__ == "einsum"):
            raise self.refusal(f"{func.__name__} (of more than two tensors)")
        if func.__name__ == "mul_":
            return a.copy_(self.product(torch.mul, a.clone(), b))
        return self.product(lambda p, q: func(*first, p, q), a, b)

    def _quotient(self, func: Callable, a: Tensor, b: Tensor) -> Tensor:
        if func.__name__.startswith("__r"):
            a, b = b, a
        with self:
            found = b.reciprocal() * a
        return a.copy_(found) if func.__name__ == "div_" else found
