/**
 * Metrics for Prometheus, under `quorate_`, in base units. Most are read when they are asked for; only
 * durations are observed as they happen.
 */
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import { Gauge, Histogram, Registry } from 'prom-client';
import type { Usage } from '../log/usage.ts';
import { Durations } from './durations.ts';
import type { ServedNode } from './served-node.ts';

/** How often the delay of the event loop is sampled: rarely, so that an idle node stays idle. */
const LOOP_DELAY_MS = 100;
const NANOSECONDS = 1e9;

const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
const BATCH = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];

interface Reading {
  readonly name: string;
  readonly help: string;
  readonly read: (node: ServedNode) => number;
}

const LEVELS = { none: 0, throttle: 1, batch: 2, reject: 3 } as const;

function ofLog(name: string, help: string, read: (usage: Usage) => number): Reading {
  return { name: `quorate_log_${name}`, help, read: ({ log }) => read(log.usage()) };
}

const READINGS: readonly Reading[] = [
  ofLog('queue_entries', 'Entries that wait for the disk.', (usage) => usage.entries),
  ofLog('queue_bytes', 'Bytes that wait for the disk.', (usage) => usage.bytes),
  ofLog('backpressure_level', '0 none to 3 reject.', (usage) => LEVELS[usage.level]),
  ofLog('disk_used_ratio', 'Share of the file system in use.', (usage) => usage.disk_fraction),
  ofLog('entries_written_total', 'Entries written.', (usage) => usage.totals.written),
  ofLog('bytes_written_total', 'Bytes written.', (usage) => usage.totals.bytes_written),
  ofLog('fsyncs_total', 'Batches made durable.', (usage) => usage.totals.fsyncs),
  ofLog('rejected_total', 'Entries refused admission.', (usage) => usage.totals.rejected),
  {
    name: 'quorate_applied_index',
    help: 'The newest applied entry of main.',
    read: ({ main }) => main.machine.position.index,
  },
  {
    name: 'quorate_term',
    help: 'The term of main.',
    read: ({ main }) => main.status().term,
  },
  {
    name: 'quorate_is_leader',
    help: '1 where this node leads main.',
    read: ({ main }) => Number(main.isLeader),
  },
  {
    name: 'quorate_history_missing_entries',
    help: 'Entries of main below the oldest one here: being copied, trimmed, or nowhere any more.',
    read: ({ main }) => main.status().history.missing,
  },
  {
    name: 'quorate_clock_offset_seconds',
    help: 'How far the wall clock of this node is ahead of the middle of the voters; behind: below zero.',
    read: ({ peering }) => (peering === undefined ? 0 : peering.clock.offset_ms / 1000),
  },
  {
    name: 'quorate_groups',
    help: 'Groups besides main that this node has.',
    read: ({ hosting }) => (hosting === undefined ? 0 : hosting.status().hosted),
  },
  {
    name: 'quorate_groups_awake',
    help: 'Of these, the ones in memory.',
    read: ({ hosting }) => (hosting === undefined ? 0 : hosting.status().awake),
  },
  {
    name: 'quorate_unknown_entries_total',
    help: 'Entries skipped because their type is unknown.',
    read: ({ main }) => main.machine.position.skipped,
  },
  {
    name: 'quorate_rule_faults_total',
    help: 'Entries whose rule failed.',
    read: ({ main }) => main.machine.position.faults,
  },
  {
    name: 'quorate_divergences_total',
    help: 'Entries found to be decided differently, here or elsewhere, by groups in memory.',
    read: (node) =>
      node.groups().reduce((sum, { comparing }) => sum + comparing.divergences.found, 0),
  },
  {
    name: 'process_resident_memory_bytes',
    help: 'Resident memory.',
    read: () => process.memoryUsage.rss(),
  },
];

interface RequestLabels {
  readonly method: string;
  readonly route: string;
  readonly status: number;
}

export class Metrics {
  readonly #registry = new Registry();
  readonly #node: ServedNode;
  readonly #requests = new Durations(
    'quorate_http_request_duration_seconds',
    'Time to answer a request.',
  );
  readonly #commits = new Durations('quorate_commit_duration_seconds', 'From proposed to applied.');
  readonly #delay: IntervalHistogram;
  readonly #unlisten: () => void;

  constructor(node: ServedNode) {
    this.#node = node;
    for (const reading of READINGS) this.gauge(reading);
    this.#unlisten = this.#observeBatches();
    this.#delay = monitorEventLoopDelay({ resolution: LOOP_DELAY_MS });
    this.#delay.enable();
    this.gauge({
      name: 'quorate_event_loop_delay_seconds',
      help: 'Longest delay of the event loop since the last reading.',
      read: () => this.#longestDelay(),
    });
  }

  /** Adds a number that is read when it is asked for. */
  gauge({ name, help, read }: Reading): void {
    const node = this.#node;
    const gauge: Gauge = new Gauge({
      name,
      help,
      registers: [this.#registry],
      collect: () => gauge.set(read(node)),
    });
  }

  answered({ method, route, status }: RequestLabels, milliseconds: number): void {
    this.#requests.observe(`method="${method}",route="${route}",status="${status}"`, milliseconds);
  }

  committed(milliseconds: number): void {
    this.#commits.observe('', milliseconds);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** All of it, as Prometheus reads it. */
  async text(): Promise<string> {
    const parts = [await this.#registry.metrics(), this.#requests.text(), this.#commits.text()];
    return parts.join('\n');
  }

  stop(): void {
    this.#unlisten();
    this.#delay.disable();
  }

  #observeBatches(): () => void {
    const sync = this.#histogram('log_fsync_duration_seconds', 'Time to make a batch durable.', {
      buckets: SECONDS,
    });
    const size = this.#histogram('log_batch_entries', 'Entries per batch.', { buckets: BATCH });
    return this.#node.onBatch(({ entries, milliseconds }) => {
      sync.observe(milliseconds / 1000);
      size.observe(entries);
    });
  }

  #histogram(name: string, help: string, shape: { readonly buckets: number[] }): Histogram {
    return new Histogram({ name: `quorate_${name}`, help, registers: [this.#registry], ...shape });
  }

  #longestDelay(): number {
    const { max } = this.#delay;
    this.#delay.reset();
    return max / NANOSECONDS;
  }
}
