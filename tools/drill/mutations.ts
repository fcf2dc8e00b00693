/** All mutations: each takes away one defence that some implementation of Raft once lacked, or that the papers ask for. */
import { DISK_MUTATIONS } from './mutations-disk.ts';
import { ELECTION_MUTATIONS } from './mutations-election.ts';
import { HOST_MUTATIONS } from './mutations-hosted.ts';
import { MEMBERSHIP_MUTATIONS } from './mutations-membership.ts';
import { READ_MUTATIONS } from './mutations-reads.ts';
import { REPLICATION_MUTATIONS } from './mutations-replication.ts';
import { SERVICE_MUTATIONS } from './mutations-served.ts';
import { STORE_MUTATIONS } from './mutations-stored.ts';
import type { Mutation } from './mutation.ts';

export const MUTATIONS: readonly Mutation[] = [
  ...ELECTION_MUTATIONS,
  ...DISK_MUTATIONS,
  ...REPLICATION_MUTATIONS,
  ...MEMBERSHIP_MUTATIONS,
  ...READ_MUTATIONS,
  ...STORE_MUTATIONS,
  ...HOST_MUTATIONS,
  ...SERVICE_MUTATIONS,
];
