"""The matrices of a frozen base in fewer bits: int8, or NF4 (QLoRA: Dettmers et al. 2023, arXiv 2305.14314).

"int8": a row is q s with whole numbers q from -127 to 127 and s = largest |w| of the row / 127, a bfloat16 number. "nf4": each 64
neighbours of a row are c[q] s with q from 0 to 15, c the quantiles of a normal distribution (appendix E of the paper) and
s = largest |w| of the block, in float32; changed from the paper: scales are not quantised again. Packed as in bitsandbytes, so
that rows whose length is a multiple of 64 hold the very weights that it would make of them.

Both are weights alone: what they are multiplied with keeps its precision, so that a product is one with the matrix `whole()`.

Shapes: M outputs, K inputs, N rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Protocol

import torch

from burnish.engine import heap, matmul
from burnish.engine.load import GROUPS
from burnish.types import Quantize

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

BLOCK = 64
"""Neighbours that share a scale in NF4."""
FEW, SEVERAL = 4, 64
"""Rows up to which torch's kernel for int8 weights is the fastest, and up to which products of whole numbers are (bfloat16 on a
CPU). For more rows the codes, which are exact in bfloat16, are converted first, which costs little beside the product; scales are
multiplied with what comes out, because q s is not exact there."""
_LANES = 32
"""Inputs that the kernel for few rows reads at once: it reads beyond the end of rows of other lengths."""
_AT_ONCE, _CUDA_AT_ONCE = 1 << 20, 1 << 25
"""Elements that are rounded or looked up at a time, on a CPU and on a GPU, so that what they become in float32 takes little
room."""
CODES = (
    -1.0,
    -0.6961928009986877,
    -0.5250730514526367,
    -0.39491748809814453,
    -0.28444138169288635,
    -0.18477343022823334,
    -0.09105003625154495,
    0.0,
    0.07958029955625534,
    0.16093020141124725,
    0.24611230194568634,
    0.33791524171829224,
    0.44070982933044434,
    0.5626170039176941,
    0.7229568362236023,
    1.0,
)
"""The sixteen values of NF4."""


class Quantised(Protocol):
    """A matrix [M, K] in fewer bits."""

    @property
    def scales(self) -> torch.Tensor:
        """What is not finite here was not finite in what was copied."""
        ...

    @property
    def nbytes(self) -> int: ...

    def __getitem__(self, rows: slice) -> Quantised:
        """Some of its rows, in the same memory."""
        ...

    def copy_(self, values_MK: Float[Tensor, "M K"]) -> object:
        """Round these values and hold them."""
        ...

    def whole(self, dtype: torch.dtype) -> Float[Tensor, "M K"]:
        """The matrix that it stands for."""
        ...

    def nt(self, x_NK: Float[Tensor, "N K"]) -> Float[Tensor, "N M"]:
        """x W^T."""
        ...

    def nn(self, g_NM: Float[Tensor, "N M"]) -> Float[Tensor, "N K"]:
        """g W."""
        ...


def names(shapes: dict[str, tuple[int, ...]]) -> list[str]:
    """Those of the tensors of an architecture that are quantised: the matrices of blocks and of their experts. Embedding, head,
    routers, norms and biases are not."""
    return [n for n, shape in shapes.items() if len(shape) == 2 and n.rsplit(".", 1)[-1] in GROUPS]


def empty(kind: Quantize, shape: tuple[int, ...], device: torch.device) -> Quantised:
    """Room for a matrix of this shape."""
    rows, width = shape
    return Int8.empty(rows, width, device) if kind == "int8" else NF4.empty(rows, width, device)


@dataclass(frozen=True, slots=True)
class Int8:
    """See the module. codes int8 [M, K], scales bfloat16 [M]."""

    codes: torch.Tensor
    scales: torch.Tensor

    @classmethod
    def empty(cls, rows: int, width: int, device: torch.device) -> Int8:
        codes = heap.zeros(rows * width, device=device, dtype=torch.int8).view(rows, width)
        return cls(codes, torch.zeros(rows, device=device, dtype=torch.bfloat16))

    @property
    def nbytes(self) -> int:
        return self.codes.nbytes + self.scales.nbytes

    def __getitem__(self, rows: slice) -> Int8:
        return Int8(self.codes[rows], self.scales[rows])

    def copy_(self, values_MK: Float[Tensor, "M K"]) -> None:
        at_once = _rows_at_once(self.codes.device, self.codes.shape[1])
        for some, codes, scales in zip(*(t.split(at_once) for t in (values_MK, self.codes, self.scales)), strict=True):
            values = some.to(codes.device, torch.float32)
            scales.copy_(values.abs().amax(1).div_(127))
            step = scales.float().clamp_min_(torch.finfo(torch.float32).tiny)
            codes.copy_((values / step[:, None]).round_().nan_to_num_())

    def whole(self, dtype: torch.dtype) -> Float[Tensor, "M K"]:
        return self.codes.to(dtype).mul_(self.scales[:, None].to(dtype))

    def nt(self, x_NK: Float[Tensor, "N K"]) -> Float[Tensor, "N M"]:
        rows = x_NK.shape[0]
        if matmul.compiles(x_NK.device, x_NK.dtype) and 0 < rows <= SEVERAL and self.codes.shape[1] % _LANES == 0:
            if rows <= FEW:
                return torch.ops.aten._weight_int8pack_mm(x_NK.contiguous(), self.codes, self.scales)
            if _adds_exactly():
                return self._nt_in_two(matmul.filled_up(x_NK))[:rows]
        return matmul.nt(x_NK, self.codes.to(x_NK.dtype)).mul_(self.scales)

    def nn(self, g_NM: Float[Tensor, "N M"]) -> Float[Tensor, "N K"]:
        return matmul.nn(g_NM * self.scales, self.codes.to(g_NM.dtype))

    def _nt_in_two(self, x_NK: torch.Tensor) -> torch.Tensor:
        """x W^T by products of whole numbers: each row of x is (upper + lower / 254) step with step = largest |x| / 127, which
        keeps 15 bits where bfloat16 has 8."""
        rows = x_NK.shape[0]
        x = x_NK.float()
        step_N1 = x.abs().amax(1, keepdim=True).clamp_min_(torch.finfo(torch.float32).tiny).div_(127)
        x /= step_N1
        upper = x.round()
        parts = torch.empty(2 * rows, x.shape[1], dtype=torch.int8)
        parts[:rows], parts[rows:] = upper, x.sub_(upper).mul_(254).round_()
        sums = torch.ops.aten._int_mm(parts, self.codes.t())
        return sums[rows:].float().div_(254).add_(sums[:rows]).mul_(step_N1).mul_(self.scales).to(x_NK.dtype)


@dataclass(frozen=True, slots=True)
class NF4:
    """See the module. codes uint8 [M, blocks * 32], two a byte, the earlier one in the upper half; scales float32 [M, blocks].
    Rows are filled up with zeros to whole blocks."""

    codes: torch.Tensor
    scales: torch.Tensor
    width: int

    @classmethod
    def empty(cls, rows: int, width: int, device: torch.device) -> NF4:
        blocks = -(-width // BLOCK)
        codes = heap.zeros(rows * blocks * BLOCK // 2, device=device, dtype=torch.uint8)
        return cls(codes.view(rows, -1), torch.zeros(rows, blocks, device=device), width)

    @property
    def nbytes(self) -> int:
        return self.codes.nbytes + self.scales.nbytes

    def __getitem__(self, rows: slice) -> NF4:
        return NF4(self.codes[rows], self.scales[rows], self.width)

    def copy_(self, values_MK: Float[Tensor, "M K"]) -> None:
        blocks, code = self.scales.shape[1], torch.tensor(CODES, device=self.codes.device)
        between, at_once = (code[1:] + code[:-1]) / 2, _rows_at_once(self.codes.device, blocks * BLOCK)
        for some, codes, scales in zip(*(t.split(at_once) for t in (values_MK, self.codes, self.scales)), strict=True):
            values = some.to(codes.device, torch.float32)
            values = torch.nn.functional.pad(values, (0, blocks * BLOCK - self.width)).view(-1, blocks, BLOCK)
            scales.copy_(values.abs().amax(2))
            shares = values / scales.clamp_min(torch.finfo(torch.float32).tiny)[:, :, None]
            nearest = torch.bucketize(shares, between, out_int32=True).clamp_(max=15).view(len(codes), -1, 2)
            codes.copy_(nearest[:, :, 0] * 16 + nearest[:, :, 1])

    def whole(self, dtype: torch.dtype) -> Float[Tensor, "M K"]:
        rows, blocks = self.scales.shape
        out = torch.empty(rows, blocks, BLOCK, device=self.codes.device, dtype=dtype)
        pairs = _pairs(self.codes.device)
        at_once = _rows_at_once(self.codes.device, blocks * BLOCK)
        parts = (t.split(at_once) for t in (out, self.codes, self.scales))
        for some, codes, scales in zip(*parts, strict=True):
            values = pairs.index_select(0, codes.reshape(-1).int()).view(torch.float32).view(some.shape)
            torch.mul(values, scales[:, :, None], out=values if dtype != torch.float32 else some)
            if dtype != torch.float32:
                some.copy_(values)
        whole = out.view(rows, -1)
        return whole if whole.shape[1] == self.width else whole[:, : self.width].contiguous()

    def nt(self, x_NK: Float[Tensor, "N K"]) -> Float[Tensor, "N M"]:
        return matmul.nt(x_NK, self.whole(x_NK.dtype))

    def nn(self, g_NM: Float[Tensor, "N M"]) -> Float[Tensor, "N K"]:
        return matmul.nn(g_NM, self.whole(g_NM.dtype))


def _rows_at_once(device: torch.device, width: int) -> int:
    return max(1, (_AT_ONCE if device.type == "cpu" else _CUDA_AT_ONCE) // max(1, width))


@cache
def _adds_exactly() -> bool:
    """Whether torch multiplies int8 matrices exactly here: on processors without an instruction for it, sums may be cut off."""
    a, b = torch.full((16, 64), 127, dtype=torch.int8), torch.full((64, 16), -127, dtype=torch.int8)
    return bool(
        (torch.ops.aten._int_mm(a, b) == -64 * 127 * 127).all() and (torch.ops.aten._int_mm(a, -b) == 64 * 127 * 127).all()
    )


@lru_cache(maxsize=8)
def _pairs(device: torch.device) -> torch.Tensor:
    """For each byte the two values that it stands for, both as one number [256], so that one look-up finds both."""
    code = torch.tensor(CODES, device=device)
    return torch.stack([code.repeat_interleave(16), code.repeat(16)], 1).contiguous().view(torch.int64).view(-1)
