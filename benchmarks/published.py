"""AttEXplore, insertion and deletion the way their published code computes them, written anew from its description.

One copy a pass, gradients of the weights along, transforms by FFT, noise drawn on the host, the last step's gradient
computed and dropped; sweeps of one image at a time, masked on the host, with gradients on.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

EPSILON, SIGMA, RHO, RATE = 16 / 255, 16 / 255, 0.5, 1.15


def dct(x: Tensor) -> Tensor:
    """The orthonormal DCT-II of the last dimension by an FFT of as many points (Makhoul 1980)."""
    n = x.shape[-1]
    folded = torch.cat([x[..., ::2], x[..., 1::2].flip(-1)], -1)
    angle = torch.arange(n, dtype=x.dtype, device=x.device) * (torch.pi / (2 * n))
    found = torch.fft.fft(folded)
    found = (found.real * angle.cos() + found.imag * angle.sin()) * (2 / n) ** 0.5
    return torch.cat([found[..., :1] / 2**0.5, found[..., 1:]], -1)


def idct(y: Tensor) -> Tensor:
    """The inverse of `dct`."""
    n = y.shape[-1]
    y = torch.cat([y[..., :1] * 2**0.5, y[..., 1:]], -1) * (n / 2) ** 0.5
    angle = torch.arange(n, dtype=y.dtype, device=y.device) * (torch.pi / (2 * n))
    mirrored = torch.cat([torch.zeros_like(y[..., :1]), y[..., 1:].flip(-1)], -1)
    folded = torch.fft.ifft(torch.complex(y, -mirrored) * torch.exp(1j * angle)).real
    out = torch.empty_like(y)
    out[..., ::2], out[..., 1::2] = folded[..., : (n + 1) // 2], folded[..., (n + 1) // 2 :].flip(-1)
    return out


def attribution(
    model: nn.Module,
    images: Tensor,
    targets: Tensor,
    *,
    steps: int,
    copies: int,
    sigma: float = SIGMA,
    rho: float = RHO,
    diversity: bool = True,
) -> Tensor:
    """Maps like `images` (N, C, H, W); `model` gives logits, behind which stand three softmaxes, as published.

    Every second pass is of enlarged copies; the published code draws which, so this is its mean. `steps` + 1 times
    `copies` passes: the last gradient is dropped.
    """
    t = torch.arange(-3.0, 4.0, dtype=images.dtype, device=images.device)
    outer = torch.outer(torch.exp(-(t**2) / 2), torch.exp(-(t**2) / 2))
    kernel = (outer / outer.sum()).expand(images.shape[1], 1, 7, 7)
    x, momentum, points, gradients = images.clone(), torch.zeros_like(images), [images], []
    for step in range(steps + 1):
        total = torch.zeros_like(images)
        model.zero_grad()
        for copy in range(copies):
            noise = (sigma * torch.randn(images.shape, dtype=images.dtype)).to(images.device)
            mask = 1 - rho + 2 * rho * torch.rand_like(x)
            spectrum = dct(dct(x + noise).transpose(-1, -2)).transpose(-1, -2)
            z = idct(idct(spectrum * mask).transpose(-1, -2)).transpose(-1, -2).requires_grad_()
            shown = enlarged(z, model) if diversity and (step * copies + copy) % 2 else z
            F.cross_entropy(model(shown).softmax(1).softmax(1), targets).backward()
            total += z.grad
        gradient = F.conv2d(total / copies, kernel, padding=3, groups=images.shape[1])
        momentum = momentum + gradient / gradient.abs().mean((1, 2, 3), keepdim=True)
        gradients.append(momentum)
        moved = x - EPSILON / steps * momentum.sign()
        x = (images + (moved - images).clamp(-EPSILON, EPSILON)).clamp(0, 1)
        points.append(x)
    steps_taken = zip(points, points[1:-1], gradients, strict=False)
    return -sum((after - before) * g for before, after, g in steps_taken)


def enlarged(x: Tensor, model: nn.Module) -> Tensor:
    """Resized to a random size, padded at random to int(n RATE); back to n for a model of one size."""
    n = x.shape[-1]
    outer = int(n * RATE)
    size = int(torch.randint(n, max(outer, n + 1), ()))
    left, top = (int(torch.randint(0, outer - size + 1, ())) for _ in range(2))
    x = F.interpolate(x, (size, size), mode="bilinear", align_corners=False)
    x = F.pad(x, (left, outer - size - left, top, outer - size - top))
    return F.interpolate(x, (n, n), mode="bilinear", align_corners=False) if model.fixed_size else x


def sweep(model: nn.Module, image: Tensor, attribution: Tensor, pixels_per_step: int) -> tuple[np.ndarray, np.ndarray]:
    """Insertion and deletion curves of one image (1, C, H, W), each channel sorted by itself, black covers."""
    target = int(model(image).argmax())
    channels, pixels = image.shape[1], image[0, 0].numel()
    order = np.argsort(-attribution[0].detach().cpu().numpy().reshape(channels, -1), axis=1, kind="stable")
    points = -(-pixels // pixels_per_step) + 1
    curves = []
    for start, finish in ((torch.zeros_like(image), image), (image, torch.zeros_like(image))):
        shown, source = (part.cpu().numpy().reshape(channels, -1).copy() for part in (start, finish))
        curve = np.empty(points)
        for point in range(points):
            batch = torch.from_numpy(shown.reshape(image.shape)).to(image.device)
            curve[point] = model(batch).softmax(1)[0, target].item()
            where = order[:, point * pixels_per_step : (point + 1) * pixels_per_step].reshape(-1)
            shown[:, where] = source[:, where]
        curves.append(curve)
    return curves[0], curves[1]
