/** Where faults of this side are told: what a caller did wrong is in their answer, and nowhere else. */
export interface FaultLog {
  error(what: object, name: string): void;
}
