/** An entry with its outcome as a line of JSON, in the form the API gives it. */
import { entryJson, recordedEntryJson } from '../../api/wire/entry.ts';
import { decodeEntry } from '../../log/command.ts';
import type { SeenEntry } from '../../log/sighting.ts';

export function entryLine({ frame, outcome }: SeenEntry): string {
  const entry = decodeEntry(frame);
  if (outcome !== undefined) return JSON.stringify(recordedEntryJson(entry, outcome));
  // What it led to was not recorded: a replay would decide it again.
  const {
    outcome: _outcome,
    facts: _facts,
    ...said
  } = entryJson(entry, { kind: 'applied', facts: [] });
  return JSON.stringify({ ...said, outcome: null });
}
