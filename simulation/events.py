"""The events of simulated people as a Parquet file, part by part."""

from pathlib import Path
from typing import Any

import numpy as np

from simulation import measures as ms
from simulation.fast import Ints
from simulation.scenario import ScenarioError
from simulation.world import Setting

_EPOCH = 719_163  # 1970-01-01 as `date.toordinal` counts


def parquet() -> Any:
    """The library that writes Parquet. Raises ScenarioError when it is not installed."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise ScenarioError(
            "Parquet needs one more package: pip install 'furusato[parquet]'."
        ) from None
    return pa, pq


def write_events(parts: Path, path: Path, setting: Setting) -> None:
    """All events in order of person and day, a row group for each part."""
    pa, pq = parquet()
    codes = pa.array([place.code for place in setting.places])
    kinds = pa.array(list(ms.EVENTS))
    schema = pa.schema(
        [
            ("person", pa.int64()),
            ("day", pa.date32()),
            ("lg_code", pa.dictionary(pa.int32(), pa.string())),
            ("kind", pa.dictionary(pa.int32(), pa.string())),
        ]
    )
    partial = path.with_suffix(".part")
    with pq.ParquetWriter(partial, schema) as writer:
        for kept in sorted(parts.glob("part-*.npz")):
            with np.load(kept) as data:
                rows: Ints = data["events"]
            # Within a day as it happened: the sort is stable.
            rows = rows[np.lexsort((rows[:, 1], rows[:, 0]))]
            columns = [
                pa.array(rows[:, 0]),
                pa.array((rows[:, 1] - _EPOCH).astype(np.int32)).cast(pa.date32()),
                pa.DictionaryArray.from_arrays(pa.array(rows[:, 2].astype(np.int32)), codes),
                pa.DictionaryArray.from_arrays(pa.array(rows[:, 3].astype(np.int32)), kinds),
            ]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))
    partial.replace(path)
