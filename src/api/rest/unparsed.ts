/**
 * What never becomes a request: bytes that are no HTTP, headers without end, a request that does not arrive.
 * Answered on the bare socket with a problem, and hung up on.
 */
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { problem, PROBLEM_TYPE, type Problem } from '../wire/problem.ts';

interface ParserFault extends Error {
  readonly code?: string;
}

/** How long a caller has to read the answer. To destroy the socket while they still send would reset it. */
const LINGER_MS = 1_000;

const NO_HTTP = problem('validation-failed', 'this is no HTTP/1.1');

/** By the code that Node gives; everything else is no HTTP. */
const PROBLEMS: Readonly<Record<string, Problem>> = {
  HPE_HEADER_OVERFLOW: problem('too-large', 'the headers of a request have at most 16 KiB'),
  ERR_HTTP_REQUEST_TIMEOUT: problem('validation-failed', 'the request did not arrive in time'),
};

export function hangUp({ code = '' }: ParserFault, socket: Duplex): void {
  // More of the same after the answer, or nobody there to read it.
  if (!socket.writable) return;
  socket.end(answerOf(PROBLEMS[code] ?? NO_HTTP));
  const cut = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once('close', () => clearTimeout(cut));
}

function answerOf(found: Problem): string {
  const body = JSON.stringify(found);
  const lines = [
    `HTTP/1.1 ${found.status} ${STATUS_CODES[found.status]}`,
    `Content-Type: ${PROBLEM_TYPE}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ];
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}
