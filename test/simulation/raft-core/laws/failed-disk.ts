/** Who cannot write does not take up leadership, and soon leads nobody who can be led by another. */
import type { Law } from '../law.ts';

export function failedDisk(_observed: unknown, broken: (how: string) => void): Law {
  return {
    name: 'failed disk',
    became: (host, role, term) => {
      const leads = role === 'leader' || role === 'candidate';
      if (leads && host.diskFailed)
        broken(`${host.id} cannot write and becomes ${role} of term ${term}`);
    },
  };
}
