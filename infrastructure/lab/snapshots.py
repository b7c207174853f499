"""The instrument snapshots of decisions, as needed by kernels and row judges."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from exitbrain.domain.levels.instrument import Instrument
from exitbrain.infrastructure.lab.arrays import Mask
from exitbrain.infrastructure.lab.liquidation_kernel import Ladders


@dataclass(frozen=True, slots=True)
class SnapshotColumns:
    """Instruments in the order of the codes of a snapshot column; the last, index -1, is None.

    `ticked` and `stepped` mark those with a tick and a step.
    """

    instruments: tuple[Instrument | None, ...]
    ladders: Ladders
    ticked: Mask
    stepped: Mask

    @classmethod
    def of(cls, instruments: Sequence[Instrument]) -> "SnapshotColumns":
        """Return the instruments as snapshots."""
        return cls(
            instruments=(*instruments, None),
            ladders=Ladders.of([instrument.brackets for instrument in instruments]),
            ticked=np.array([each.tick_size is not None for each in instruments] + [False]),
            stepped=np.array([each.step_size is not None for each in instruments] + [False]),
        )
