/** What a caller says of an item of work. Unknown fields are refused: a mistyped one changes who gets it. */
import { z } from 'zod';
import { GPU_MODEL } from '../gpu-power.ts';
import { IDENTIFIER } from '../identifier.ts';

/** Items of one batch, of one renewal, of one purge. */
export const BATCH_MAX = 1000;
const LIST_MAX = 100;
export const LEASE_SECONDS_MAX = 24 * 60 * 60;
const TIMEOUT_SECONDS_MAX = 30 * 24 * 60 * 60;
const ATTEMPTS_MAX = 1000;
/** Milliseconds since the epoch that a number of seconds can still be added to. */
const TIME_MAX = 2 ** 52;

/** A JSON object; the bound on a command's bytes is its bound. */
export const JSON_OBJECT = z.record(z.string(), z.json());
export type Json = z.output<typeof JSON_OBJECT>;

/** What callers write for people. Well-formed, so that it survives its own encoding. */
export const TEXT = z
  .string()
  .max(4096)
  .regex(/^[^\ud800-\udfff]*$/u);

/** Labels that are compared and never shown as a path: types, capabilities, keys. */
const LABEL = z.string().regex(/^[\x21-\x7e]{1,128}$/);

/** In thousandths: of a CPU, of a GPU, of an H100. */
const MILLI = z.int().min(0).max(1_000_000_000);

/** What the claimer must have; 0 and an empty list ask for nothing. */
const REQUIREMENTS_FIELDS = z.strictObject({
  /** The claimer has all of them. */
  capabilities: z.array(LABEL).max(LIST_MAX).default([]),
  /** The claimer's GPU goes by one of them; none: any. */
  gpu_models: z.array(GPU_MODEL).max(LIST_MAX).default([]),
  /** Of an H100, like 0.8; kept in thousandths, because rules know whole numbers only. */
  min_gpu_power: z.number().min(0).max(1000).multipleOf(0.001).optional(),
  min_gpu_power_milli: MILLI.default(0),
  /** Whole GPUs. */
  min_gpus: z.int().min(0).max(1024).default(0),
  /** A share of one GPU, or with `min_gpus` above 1 at least so much of each: then they count as whole. */
  min_gpu_milli: z.int().min(0).max(1000).default(0),
  cpu_milli: MILLI.default(0),
  memory_mib: z.int().min(0).max(1_000_000_000).default(0),
});

const REQUIREMENTS = REQUIREMENTS_FIELDS.transform(({ min_gpu_power, ...requires }) =>
  min_gpu_power === undefined
    ? requires
    : { ...requires, min_gpu_power_milli: Math.round(min_gpu_power * 1000) },
);
export type Requirements = Readonly<z.output<typeof REQUIREMENTS>>;

/** What most items require: nothing. One object for all of them. */
export const NO_REQUIREMENTS: Requirements = REQUIREMENTS.parse({});

function asksForNothing(amount: Requirements[keyof Requirements]): boolean {
  return typeof amount === 'number' ? amount === 0 : amount.length === 0;
}

/** The same requirements, as the one object where they ask for nothing. */
export function sharedRequirements(requires: Requirements): Requirements {
  for (const name of REQUIREMENT_NAMES) if (!asksForNothing(requires[name])) return requires;
  return NO_REQUIREMENTS;
}

const REQUIREMENT_NAMES = Object.keys(NO_REQUIREMENTS) as (keyof Requirements)[];

export const WORK_ITEM = z.strictObject({
  work_id: IDENTIFIER,
  work_type: LABEL.default('selfplay'),
  queue: IDENTIFIER.default('default'),
  priority: z.int().min(0).max(100).default(50),
  config: JSON_OBJECT.default({}),
  max_attempts: z.int().min(1).max(ATTEMPTS_MAX).default(3),
  timeout_seconds: z.int().min(1).max(TIMEOUT_SECONDS_MAX).default(3600),
  not_before: z.int().min(0).max(TIME_MAX).nullable().default(null),
  depends_on: z.array(IDENTIFIER).max(LIST_MAX).default([]),
  requires: REQUIREMENTS.prefault({}),
  excluded_nodes: z.array(IDENTIFIER).max(LIST_MAX).default([]),
  target_node: IDENTIFIER.nullable().default(null),
  unique_key: LABEL.nullable().default(null),
  group_key: LABEL.nullable().default(null),
});
export type WorkItem = Readonly<z.output<typeof WORK_ITEM>>;

const CLAIM_MAX = 100;

export const CLAIM_FILTER = z.strictObject({
  queues: z.array(IDENTIFIER).min(1).max(LIST_MAX).default(['default']),
  /** Null: any. */
  work_types: z.array(LABEL).max(LIST_MAX).nullable().default(null),
  capabilities: z.array(LABEL).max(LIST_MAX).default([]),
  /** Null: none. `count` GPUs are wholly free unless `milli`, what the best one has left, is below 1000. */
  gpu: z
    .strictObject({
      model: GPU_MODEL,
      count: z.int().min(0).max(1024).default(1),
      milli: z.int().min(0).max(1000).default(1000),
    })
    .nullable()
    .default(null),
  /** What is free. Null: not said, then only work that asks for neither is offered. */
  resources: z
    .strictObject({ cpu_milli: MILLI, memory_mib: z.int().min(0).max(1_000_000_000) })
    .nullable()
    .default(null),
  max: z.int().min(1).max(CLAIM_MAX).default(1),
});
export type ClaimFilter = Readonly<z.output<typeof CLAIM_FILTER>>;
