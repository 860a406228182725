"""Products of small images over all small shifts, by fast Fourier transforms there and products with matrices back.

Few shifts are asked for, so that the way back takes less time by a product with a matrix than by a transform of the
whole axis.
"""

import math
from functools import lru_cache

import torch
from torch import Tensor

CACHED = 2**19
"""Complex numbers that are worked on at once: with more, a processor waits for its memory."""


def spectrum(x: Tensor, reach: int) -> Tensor:
    """Return the Fourier transforms of images with so many zeros after them that no shift up to ``reach`` wraps around.

    Args:
        x: N images ``(N, C, s, s[, s])``, float32.
        reach: Largest shift along each axis [nodes].

    Returns:
        With r = s + reach ``(N, C, r, [r,] r // 2 + 1)``, complex64: of the last axis half of the frequencies.
    """
    axes, room = tuple(range(2, x.ndim)), x.shape[-1] + reach
    n_cached = max(1, CACHED // (x.shape[1] * room ** len(axes)))
    shape = (*x.shape[:2], *[room] * (len(axes) - 1), room // 2 + 1)
    result = torch.empty(shape, dtype=torch.complex64, device=x.device)
    for rows in torch.arange(len(x)).split(n_cached):
        result[rows] = torch.fft.rfftn(x[rows], s=(room,) * len(axes), dim=axes)
    return result


def shifted_products(a: Tensor, b: Tensor, reach: int, mirrored: tuple[int, ...] = ()) -> Tensor:
    """Return the sum over nodes and modalities of a times shifted b, ``(P, 2 reach + 1, ...)``.

    Args:
        a: The spectra of P images, from `spectrum`.
        b: Those of as many others.
        reach: Largest shift along each axis [nodes].
        mirrored: Axes, counted from the end, along which the others are mirrored before they are shifted.

    >>> image = torch.triu(torch.ones(4, 4))[None, None]
    >>> spectra, of_mirrored = spectrum(image, 1), spectrum(image.flip(-1), 1)
    >>> shifted_products(spectra, spectra, 1).round().int()[0].tolist()
    [[6, 6, 3], [6, 10, 6], [3, 6, 6]]
    >>> expected = shifted_products(spectra, of_mirrored, 1)
    >>> torch.allclose(shifted_products(spectra, spectra, 1, (-1,)), expected, atol=1e-5)
    True
    """
    room, n_axes = a.shape[2], a.ndim - 2
    b = _reversed(b, mirrored)
    x = a[:, 0].conj() * b[:, 0]
    for modality in range(1, a.shape[1]):
        x = x + a[:, modality].conj() * b[:, modality]
    for axis in range(1, n_axes):
        matrix = _inverse(room, reach, halved=False, mirrored=axis - n_axes - 1 in mirrored).to(x.device)
        shape = x.shape
        x = (matrix @ x.flatten(0, axis - 1).flatten(2)).reshape(*shape[:axis], len(matrix), *shape[axis + 1 :])
    return torch.view_as_real(x).flatten(-2) @ _inverse(room, reach, halved=True, mirrored=-1 in mirrored).to(x.device)


def _reversed(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    """Return the values at negative frequencies along axes: the spectra of images mirrored about their first node.

    Of the last axis half the frequencies are kept; the values at their negative ones are the complex conjugates at
    negative frequencies along all axes.
    """
    for axis in range(2 - x.ndim, -1):
        if (axis in axes) != (-1 in axes):
            x = x.index_select(axis, -torch.arange(x.shape[axis], device=x.device) % x.shape[axis])
    return x.conj() if -1 in axes else x


@lru_cache(maxsize=32)
def _inverse(room: int, reach: int, *, halved: bool, mirrored: bool) -> Tensor:
    """Return the matrix of an inverse Fourier transform at the shifts alone, ``(2 reach + 1, room)``, complex.

    Args:
        room: Numbers along the axis.
        reach: Largest shift [nodes].
        halved: For the axis of which half the frequencies are kept: each counts with its counterpart, whose value is
            the complex conjugate; ``(2 * (room // 2 + 1), 2 reach + 1)``, for the real result from real and imaginary
            parts in turn.
        mirrored: For an axis that was mirrored about the first node of images, in place of their middle.
    """
    frequency = torch.arange(room // 2 + 1 if halved else room, dtype=torch.float64)
    last_node = room - reach - 1
    shift = torch.arange(-reach, reach + 1, dtype=torch.float64) - (last_node if mirrored else 0)
    angle = 2 * math.pi / room * shift * frequency[:, None]
    if halved:
        size = torch.where((frequency > 0) & (2 * frequency < room), 2 / room, 1 / room)[:, None]
        return torch.stack([size * angle.cos(), -size * angle.sin()], dim=1).flatten(0, 1).float()
    return torch.polar(torch.full_like(angle, 1 / room), angle).T.to(torch.complex64)
