"""Products of small images over all small shifts, by Fourier transforms that are products with matrices.

At sides of 20 to 70 nodes, and with few shifts, those take less time than fast transforms of the padded images.
"""

import math
from functools import lru_cache

import torch
from torch import Tensor

CACHED = 2**19
"""Complex numbers that are worked on at once: with more, a processor waits for its memory."""


def room_for(side: int, reach: int) -> int:
    """Return the numbers along an axis with which no shift up to ``reach`` wraps around.

    It is odd, so that each frequency but 0 has a negative counterpart.

    >>> room_for(32, 4)
    37
    """
    return (side + reach) | 1


def spectrum(x: Tensor, room: int) -> Tensor:
    """Return the Fourier transform of images with zeros around them, the origin in the middle of the image.

    Args:
        x: N images ``(N, C, s, s[, s])``.
        room: Numbers along an axis, from `room_for`.

    Returns:
        ``(N, C, room, [room,] room // 2 + 1)``, complex64: of the last axis half of the frequencies.
    """
    n_cached = max(1, CACHED // (x.shape[1] * room ** (x.ndim - 2)))
    if len(x) > n_cached:
        return torch.cat([spectrum(part, room) for part in x.split(n_cached)])
    side = x.shape[-1]
    x = torch.view_as_complex((x @ _transform(side, room, halved=True).to(x.device)).unflatten(-1, (-1, 2)))
    matrix = _transform(side, room, halved=False).to(x.device)
    for axis in range(2, x.ndim - 1):
        x = _along(matrix, x, axis)
    return x


def mirrored(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    """Return the spectra of mirrored images: the values at negative frequencies along these axes.

    Of the last axis half the frequencies are kept; the values at their negative ones are the complex conjugates at
    negative frequencies along all axes.

    Args:
        x: The spectra of images, from `spectrum`.
        axes: The mirrored axes, counted from the end.

    >>> image = torch.arange(32.0).reshape(1, 1, 4, 8)[..., :4]
    >>> torch.allclose(mirrored(spectrum(image, 5), (-1,)), spectrum(image.flip(-1), 5), atol=1e-4)
    True
    """
    for axis in range(2 - x.ndim, -1):
        if (axis in axes) != (-1 in axes):
            x = x.index_select(axis, -torch.arange(x.shape[axis], device=x.device) % x.shape[axis])
    return x.conj() if -1 in axes else x


def shifted_products(a: Tensor, b: Tensor, reach: int) -> Tensor:
    """Return the sum over nodes and modalities of a times shifted b, ``(P, 2 reach + 1, ...)``.

    Args:
        a: The spectra of P images, from `spectrum`.
        b: Those of as many others.
        reach: Largest shift along each axis [nodes].

    >>> image = torch.eye(4)[None, None]
    >>> products = shifted_products(spectrum(image, 5), spectrum(image, 5), 1)
    >>> (products.round().abs() + 0).tolist()  # a diagonal lies on itself when moved along it
    [[[3.0, 0.0, 0.0], [0.0, 4.0, 0.0], [0.0, 0.0, 3.0]]]
    """
    x, room = (a.conj() * b).sum(dim=1), a.shape[2]
    for axis in range(1, x.ndim - 1):
        x = _along(_inverse(room, reach, halved=False).to(x.device), x, axis)
    return torch.view_as_real(x).flatten(-2) @ _inverse(room, reach, halved=True).to(x.device)


def _along(matrix: Tensor, x: Tensor, axis: int) -> Tensor:
    """Apply a matrix ``(m, n)`` to an axis of length n, neither the first nor the last."""
    product = matrix @ x.flatten(0, axis - 1).flatten(2)
    return product.reshape(*x.shape[:axis], len(matrix), *x.shape[axis + 1 :])


@lru_cache(maxsize=16)
def _transform(side: int, room: int, *, halved: bool) -> Tensor:
    """Return the matrix of a Fourier transform along an axis, ``(room, side)``, complex.

    Halved: ``(side, 2 * (room // 2 + 1))`` for real numbers; real and imaginary part of each frequency in turn.
    """
    frequency = torch.arange(room // 2 + 1 if halved else room, dtype=torch.float64)
    frequency = torch.where(2 * frequency > room, frequency - room, frequency)  # -f for each f, as mirroring wants it
    node = torch.arange(side, dtype=torch.float64) - (side - 1) / 2
    angle = -2 * math.pi / room * frequency[:, None] * node
    if halved:
        return torch.stack([angle.cos(), angle.sin()], dim=1).flatten(0, 1).T.float()
    return torch.polar(torch.ones_like(angle), angle).to(torch.complex64)


@lru_cache(maxsize=16)
def _inverse(room: int, reach: int, *, halved: bool) -> Tensor:
    """Return the matrix of an inverse Fourier transform at the shifts alone, ``(2 reach + 1, room)``, complex.

    Halved: ``(2 * (room // 2 + 1), 2 reach + 1)``, for the real result from real and imaginary parts in turn. Each
    frequency that is kept counts with its counterpart, whose value is the complex conjugate.
    """
    frequency = torch.arange(room // 2 + 1 if halved else room, dtype=torch.float64)
    shift = torch.arange(-reach, reach + 1, dtype=torch.float64)
    angle = 2 * math.pi / room * shift * frequency[:, None]
    if halved:
        size = torch.where(frequency > 0, 2 / room, 1 / room)[:, None]
        return torch.stack([size * angle.cos(), -size * angle.sin()], dim=1).flatten(0, 1).float()
    return torch.polar(torch.full_like(angle, 1 / room), angle).T.to(torch.complex64)
