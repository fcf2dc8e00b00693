/**
 * Where the records of a LevelDB `.log` file lie, so that a test can damage a chosen one. Blocks of 32 KiB,
 * each record with a header of [4: masked crc32c][2: length, little-endian][1: type]; what is left of a block
 * below seven bytes is filler.
 */
const BLOCK = 32 * 1024;
const HEADER = 7;
const LENGTH_AT = 4;

export interface RecordPlace {
  /** Of the header. */
  readonly offset: number;
  /** With the header. */
  readonly bytes: number;
}

/** Physical records, in order; a record over several blocks counts once for each. */
export function recordsIn(file: Buffer): readonly RecordPlace[] {
  const records: RecordPlace[] = [];
  let offset = 0;
  while (offset + HEADER <= file.length) {
    const left = BLOCK - (offset % BLOCK);
    if (left < HEADER) {
      offset += left;
      continue;
    }
    const bytes = HEADER + file.readUInt16LE(offset + LENGTH_AT);
    if (bytes === HEADER) return records;
    records.push({ offset, bytes });
    offset += bytes;
  }
  return records;
}
