/**
 * Classes of traffic and levels of backpressure, named as in the source systems.
 *
 * ```
 *            0 ........ 0.70 ......... 0.85 ........ 0.95 ........ 1.0   share of the queue in use
 *              NONE     │  THROTTLE    │  BATCH      │  REJECT     │
 * TELEMETRY    accepted │  accepted    │  shed       │  shed       │ shed
 * DATA         accepted │  accepted    │  accepted   │  shed       │ shed
 * DISPATCH     accepted │  accepted    │  accepted   │  accepted   │ shed
 * CONTROL      accepted, up to the tenth of the queue that nothing else may use
 * ```
 *
 * CONTROL is what empties a full system (completions, renewals, expiry, cancellation, membership,
 * configuration), so a full queue always drains.
 */

export const TRAFFIC = ['control', 'dispatch', 'data', 'telemetry'] as const;
export type Traffic = (typeof TRAFFIC)[number];

export const LEVELS = ['none', 'throttle', 'batch', 'reject'] as const;
export type Level = (typeof LEVELS)[number];
