/**
 * Two nodes meet on a connection: the handshake carried over its bytes. Whoever begins a meeting bounds
 * its time, by destroying the stream.
 */
import type { Duplex } from 'node:stream';
import { type Origin, stranger } from './admission.ts';
import { type Frame, FrameFault, FrameReader, pack } from './frames.ts';
import { Handshake, HANDSHAKE_BYTES_MAX, type HandshakeOptions, type Step } from './handshake.ts';
import type { Hello } from './hello.ts';

/** From dialling, or accepting, to knowing each other; beyond it the connection is cut. */
export const MEETING_MS_MAX = 3_000;

/** A connection whose other end is known. Nothing of it is read until somebody does. */
export interface Met {
  readonly stream: Duplex;
  /** May hold frames that came right behind the handshake. */
  readonly reader: FrameReader;
  readonly peer: Hello;
  readonly origin: Origin;
  /** Who dialled, by node id. */
  readonly dialledBy: string;
  /** The cluster this side said it belongs to. */
  readonly told: string | undefined;
}

/** One of the two did not want the other, or was not of this protocol; the message names why. */
export class MeetingRefused extends Error {}

const FOREIGN = 'it does not speak this protocol';

export interface MeetingOptions extends HandshakeOptions {
  readonly origin: Origin;
  /** Sends a last frame and closes, in its own time. */
  readonly farewell: (stream: Duplex, frame: Frame) => void;
}

/** @throws MeetingRefused, or what ended the stream. The stream is closed then, or about to be. */
export function meet(stream: Duplex, options: MeetingOptions): Promise<Met> {
  return new Promise((resolve, reject) => {
    new Meeting(stream, options, { resolve, reject }).begin();
  });
}

interface Outcome {
  readonly resolve: (met: Met) => void;
  readonly reject: (error: Error) => void;
}

class Meeting {
  readonly #stream: Duplex;
  readonly #options: MeetingOptions;
  readonly #outcome: Outcome;
  readonly #handshake: Handshake;
  readonly #reader = new FrameReader(HANDSHAKE_BYTES_MAX);
  #isOver = false;

  constructor(stream: Duplex, options: MeetingOptions, outcome: Outcome) {
    this.#stream = stream;
    this.#options = options;
    this.#outcome = outcome;
    this.#handshake = new Handshake(options);
  }

  begin(): void {
    const stream = this.#stream;
    stream.on('data', this.#data);
    stream.on('end', this.#ended);
    stream.on('error', this.#failed);
    stream.on('close', this.#ended);
    const refusal = stranger(this.#options.origin, this.#options.secret);
    if (refusal === undefined) this.#write([this.#handshake.begin()]);
    else this.#follow(this.#handshake.refuse(refusal));
  }

  readonly #data = (bytes: Buffer): void => {
    this.#reader.push(bytes);
    try {
      for (let step = this.#next(); step !== undefined; step = this.#next()) this.#follow(step);
    } catch (error) {
      if (!(error instanceof FrameFault)) throw error;
      this.#failed(new MeetingRefused(FOREIGN));
    }
  };

  readonly #ended = (): void => this.#failed(new Error('the connection was closed'));

  readonly #failed = (error: Error): void => {
    this.#leave();
    this.#stream.destroy();
    this.#outcome.reject(error);
  };

  #next(): Step | undefined {
    const payload = this.#isOver ? undefined : this.#reader.next();
    return payload === undefined ? undefined : this.#handshake.hear(payload);
  }

  #follow(step: Step): void {
    if (step.kind === 'on') return this.#write(step.send);
    if (step.kind === 'known') return this.#known(step.send, step.peer);
    this.#refused(step);
  }

  #known(send: readonly Frame[], peer: Hello): void {
    const { origin, own, side } = this.#options;
    this.#leave();
    this.#stream.pause();
    this.#write(send);
    const dialledBy = (side === 'dialler' ? own : peer).identity.nodeId;
    const told = own.identity.clusterId;
    const stream = this.#stream;
    this.#outcome.resolve({ stream, reader: this.#reader, peer, origin, dialledBy, told });
  }

  #refused(step: Exclude<Step, { kind: 'on' | 'known' }>): void {
    if (step.kind === 'garbage') return this.#failed(new MeetingRefused(FOREIGN));
    if (step.kind === 'refused-there')
      return this.#failed(new MeetingRefused(`refused there, ${step.reason}`));
    this.#leave();
    this.#options.farewell(this.#stream, step.send);
    this.#outcome.reject(new MeetingRefused(`refused here, ${step.reason}`));
  }

  #write(frames: readonly Frame[]): void {
    for (const bytes of pack(frames)) this.#stream.write(bytes);
  }

  #leave(): void {
    this.#isOver = true;
    this.#stream.off('data', this.#data);
    this.#stream.off('end', this.#ended);
    this.#stream.off('error', this.#failed);
    this.#stream.off('close', this.#ended);
  }
}
