"""What every model is to the rest of attx: images in [0, 1] in, logits out, and what must travel with the weights."""

import contextlib
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from attx.errors import UserError
from attx.preprocess import Preprocess

ADVICE = "wrap it in a module whose forward returns the logits, (images, classes), alone, and load that as `python`"


class Classifier(torch.nn.Module):
    """`net` with its normalisation inside: images (N, 3, H, W) in [0, 1] -> logits (N, classes), in eval mode.

    `preprocess` makes such images (and holds the mean and std applied here), `fixed_size` says that `net` takes no
    other size, `weights_sha256` identifies the weights ("random" for random ones). Parameters require no gradients, so
    a backward pass computes the input's alone. The first output is checked: UserError if it is not logits, or is NaN.
    `autocast`, if it is set, is the dtype that `net` computes in where torch's autocast holds that to be safe; logits
    and gradients come in the images' dtype all the same.
    """

    autocast: torch.dtype | None = None

    def __init__(
        self,
        net: torch.nn.Module,
        *,
        preprocess: Preprocess,
        classes: int,
        class_names: list[str] | None = None,
        fixed_size: bool = False,
        weights_sha256: str = "random",
    ) -> None:
        super().__init__()
        self.net = net.requires_grad_(False)
        self.preprocess = preprocess
        self.classes = classes
        self.class_names = class_names
        self.fixed_size = fixed_size
        self.weights_sha256 = weights_sha256
        self._checked = False
        self._compiled: Callable | None = None
        self._graphs = False
        self._frozen: list[int] = []
        like = next((p for p in net.parameters() if p.is_floating_point()), torch.empty(0))
        for name in ("mean", "std"):
            values = torch.tensor(getattr(preprocess, name), dtype=like.dtype, device=like.device)
            self.register_buffer(name, values.view(1, -1, 1, 1), persistent=False)
        self.eval()

    def normalise(self, images: Tensor) -> Tensor:
        """What `forward` takes as `normalised`, in the memory format of the net's weights."""
        last = any(p.ndim == 4 and not p.is_contiguous() for p in self.net.parameters())
        layout = torch.channels_last if last else torch.contiguous_format
        return ((images - self.mean) / self.std).contiguous(memory_format=layout)

    def forward(self, images: Tensor, *, normalised: bool = False) -> Tensor:
        """Logits (N, classes) of images (N, 3, H, W) in [0, 1], or of what `normalise` made of them."""
        if self.fixed_size and images.shape[-2:] != self.preprocess.shape:
            height, width = self.preprocess.shape
            raise UserError(f"this model takes images of {height}x{width} alone, not {tuple(images.shape[-2:])}")
        inputs = images if normalised else (images - self.mean) / self.std
        with torch.autocast(images.device.type, self.autocast) if self.autocast else contextlib.nullcontext():
            logits = self._passed(inputs)
        if not self._checked:
            check_logits(logits, len(images), self.classes, name=type(self.net).__name__)
            self._checked = True
        return logits.to(images.dtype) if self.autocast else logits

    def compile_net(self, *, frozen: bool = False, graphs: bool = False, backend: str | Callable = "inductor") -> None:
        """From now on the network is compiled for each image size; a batch may have any number of images above 1.

        `frozen` compiles passes without gradients alone, with the weights built in; `graphs` replays CUDA graphs of
        few batch sizes, to which batches are filled up. As ever are passes while a layer has hooks, which compiled code
        would not call, passes of copies, and, if frozen, all once weights have changed.
        """
        from torch._functorch import config as autograd  # not loaded with torch
        from torch._inductor import config as inductor

        autograd.donated_buffer = False  # some methods go backward twice through one forward pass
        if frozen:
            inductor.freezing = True
            self._frozen = self._versions()
        net = self.net  # in a function, since a compiled module would be a second child of this one
        if graphs:
            inductor.triton.cudagraph_dynamic_shape_warn_limit = None  # of sizes; they are few
        mode = "reduce-overhead" if graphs else None
        self._compiled = torch.compile(lambda inputs: net(inputs), dynamic=False, backend=backend, mode=mode)
        self._graphs = graphs

    def _passed(self, inputs: Tensor) -> Tensor:
        if not self._compiled or len(inputs) < 2 or self._hooked():
            return self.net(inputs)
        if self._frozen and (torch.is_grad_enabled() or self._versions() != self._frozen):
            return self.net(inputs)
        count = len(inputs)
        if self._graphs:
            # backward, too, padding copies: the next pass overwrites what a graph returned
            inputs = F.pad(inputs, (0, 0, 0, 0, 0, 0, 0, filled(count) - count))
        torch._dynamo.maybe_mark_dynamic(inputs, 0)  # else it would be compiled anew for each number of images
        logits = self._compiled(inputs)
        return logits[:count].clone() if self._graphs else logits

    def _versions(self) -> list[int]:
        return [parameter._version for parameter in self.net.parameters()]

    def _hooked(self) -> bool:
        kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
        return any(getattr(module, kind) for module in self.net.modules() for kind in kinds)

    def __getstate__(self) -> dict:
        return super().__getstate__() | {"_compiled": None}  # a copy's weights may be changed


def filled(count: int) -> int:
    """The next of the sizes that batches are filled up to: 8 between two powers of two, so less than 1/8 is added."""
    step = max(1, 2 ** (count - 1).bit_length() // 16)
    return -(-count // step) * step


def check_logits(logits: object, images: int, classes: int | None, *, name: str) -> None:
    """UserError unless `logits` is a tensor (images, classes) without NaN; `classes` None takes any number of them."""
    if not isinstance(logits, Tensor):
        raise UserError(f"the model {name} returned a {type(logits).__name__}, not a tensor of logits: {ADVICE}")
    if logits.ndim != 2 or logits.shape[0] != images or logits.shape[1] != (classes or logits.shape[1]):
        shapes = f"{tuple(logits.shape)} for {images} images, not ({images}, {classes or 'classes'})"
        raise UserError(f"the model {name} returned shape {shapes}: set `classes` to what it has, or {ADVICE}")
    # infinite logits too, unless they only rule classes out
    if torch.isnan(logits.detach().softmax(1)).any():
        raise UserError(f"the model {name} returned NaN or infinite logits: check its weights, and mean and std")
