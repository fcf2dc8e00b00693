/**
 * Frames as Raft sees them: their place, and whether they change who takes part. Members are a command
 * of their own type, so they are found by the first bytes of the envelope, without decoding every entry.
 */
import { decodeEntry, encodeCommand, type Command } from '../../log/command.ts';
import { ENVELOPE_BYTES, FRAME_HEADER_BYTES, indexOf, termOf } from '../../log/frame.ts';
import { NO_MEMBERS, type Members } from '../../log/members.ts';
import type { Entry, FrameMaker } from './core/entry.ts';
import { BadMessage, isMembers } from './fields.ts';

const BODY_AT = FRAME_HEADER_BYTES + ENVELOPE_BYTES;
/** MessagePack's fixed map: 0x80 and the number of its keys. The envelope has two keys or more. */
const MAP_BYTES = 1;

function membersCommand(members: Members): Command {
  const { voters, outgoing, learners } = members;
  return { type: 'configuration', data: { voters, outgoing, learners }, actor: 'engine' };
}

/** What follows the map's first byte in every frame that changes the members: the type, its name and value. */
const MARK = encodeCommand(membersCommand(NO_MEMBERS)).subarray(
  BODY_AT + MAP_BYTES,
  BODY_AT + MAP_BYTES + '_type_configuration'.length,
);

/** The members an entry puts in force, if it is one that does. @throws where it says nonsense */
export function membersIn(frame: Buffer): Members | undefined {
  if (!isMarked(frame)) return undefined;
  const { data } = decodeEntry(frame);
  if (!isMembers(data)) throw new BadMessage('an entry that changes the members names none');
  return data;
}

/** From its end, where most types differ already. */
function isMarked(frame: Buffer): boolean {
  const from = BODY_AT + MAP_BYTES;
  for (let at = MARK.length - 1; at >= 0; at--) if (frame[from + at] !== MARK[at]) return false;
  return true;
}

/** A sealed frame as the core knows it. The caller has checked it. */
export function entryOf(frame: Buffer): Entry {
  const term = termOf(frame);
  const index = indexOf(frame);
  const configuration = membersIn(frame);
  return configuration === undefined
    ? { term, index, frame }
    : { term, index, frame, configuration };
}

/** Frames without a place are sealed when the core has given them theirs: their term is still 0. */
export function isSealed(frame: Buffer): boolean {
  return termOf(frame) > 0;
}

/** Frames of what the core of `nodeId` appends itself. */
export function frameMaker(nodeId: string): FrameMaker {
  return {
    noOp: () => encodeCommand({ type: 'no_op', data: { leader_id: nodeId } }),
    configuration: (members) => encodeCommand(membersCommand(members)),
  };
}
