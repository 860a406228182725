"""What wandb keeps for a later upload: records in a file in the form of a LevelDB log, which its own core reads."""

import struct
import time
from pathlib import Path

BLOCK, HEADER, IDENT = 32768, 7, b":W&B"
FULL, FIRST, LAST = 1, 2, 4
PATIENCE = 30  # [s] for the core to write its last record, in another process


def offline_records(folder: Path) -> list:
    """Return the records of an offline run that has ended."""
    deadline = time.monotonic() + PATIENCE
    while True:
        records = _records(folder)
        if any(record.WhichOneof("record_type") == "exit" for record in records) or time.monotonic() > deadline:
            return records
        time.sleep(0.1)


def _records(folder: Path) -> list:
    from wandb.proto.wandb_internal_pb2 import Record

    (file,) = Path(folder).glob("*.wandb")
    data, at, whole, records = file.read_bytes(), HEADER, b"", []
    assert data.startswith(IDENT)
    while at + HEADER <= len(data):
        if BLOCK - at % BLOCK < HEADER:  # the end of a block is padding
            at += BLOCK - at % BLOCK
            continue
        length, kind = struct.unpack_from("<HB", data, at + 4)
        part = data[at + HEADER : at + HEADER + length]
        whole = part if kind in (FULL, FIRST) else whole + part
        at += HEADER + length
        if kind in (FULL, LAST) and at <= len(data):
            records.append(Record.FromString(whole))
    return records
