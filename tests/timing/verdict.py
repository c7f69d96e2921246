"""From paired measurements to a verdict: Wilcoxon's signed ranks and the median difference; neither minds outliers."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

P_BELOW = 0.001
#: Less than this can't be told apart over a network by a stranger whose starts are limited.
EFFECT_MS = 1.0


@dataclass(frozen=True)
class Verdict:
    """`effect_ms`: by how much the second of a pair is slower, as the median; `p`: two-sided."""

    pairs: int
    effect_ms: float
    p: float

    @property
    def is_different(self) -> bool:
        return self.p < P_BELOW and abs(self.effect_ms) >= EFFECT_MS

    def __str__(self) -> str:
        word = "DIFFERENT" if self.is_different else "alike"
        return f"{word:9} {self.pairs:5} pairs  {self.effect_ms:+7.3f} ms  p = {self.p:.2g}"


def judge(pairs: Sequence[tuple[float, float]]) -> Verdict:
    """Of pairs of seconds: the signed-rank test with the normal approximation, good from about 20 pairs on."""
    differences = [second - first for first, second in pairs if second != first]
    count = len(differences)
    ranked = sorted(differences, key=abs)
    above = sum(rank for rank, difference in enumerate(ranked, 1) if difference > 0)
    mean = count * (count + 1) / 4
    deviation = math.sqrt(count * (count + 1) * (2 * count + 1) / 24)
    z = (above - mean) / deviation if deviation else 0.0
    return Verdict(count, statistics.median(differences or [0.0]) * 1000, math.erfc(abs(z) / math.sqrt(2)))
