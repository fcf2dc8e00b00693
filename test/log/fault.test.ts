import { expect, test } from 'vitest';
import { faultOf, LogFault } from '../../src/log/fault.ts';
import { frame, framesOf, MAIN, openedLog, temporaryDirectory } from './fixtures.ts';

const coded = (code: string, message: string): Error => Object.assign(new Error(message), { code });

test.each([
  [
    'LEVEL_IO_ERROR',
    'IO error: /data/log/000005.log: No space left on device',
    'no-space',
    'the disk is full',
  ],
  ['ENOSPC', 'write', 'no-space', 'free space or enlarge it'],
  ['EROFS', 'mkdir', 'read-only', 'make it writable'],
  [
    'LEVEL_IO_ERROR',
    'IO error: /data/log/LOCK: Permission denied',
    'read-only',
    'make it writable',
  ],
  [
    'LEVEL_LOCKED',
    'IO error: lock /data/log/LOCK: already held by process',
    'in-use',
    'stop it first',
  ],
  [
    'LEVEL_LOCKED',
    'IO error: lock /data/LOCK: Resource temporarily unavailable',
    'in-use',
    'stop it first',
  ],
  ['LEVEL_CORRUPTION', 'Corruption: block checksum mismatch', 'damaged', 'quorate log repair'],
  ['EMFILE', 'open', 'io', 'ulimit -n'],
  ['LEVEL_IO_ERROR', 'IO error: Input/output error', 'io', 'the disk failed'],
  [
    'LEVEL_ITERATOR_NOT_OPEN',
    'Iterator is not open: cannot read after close()',
    'closed',
    'closed',
  ],
])('%s, %s: %s, and it says what to do', (code, message, fault, says) => {
  const named = faultOf(coded(code, message));
  expect(named).toMatchObject({ code: fault, message: expect.stringContaining(says) });
  expect(named.message).toContain(message);
  expect(named.message).not.toContain('\n');
});

test('what LevelDB means stands in the cause of its error', () => {
  const error = new Error('Database failed to open', {
    cause: coded('LEVEL_LOCKED', 'IO error: lock LOCK'),
  });
  expect(faultOf(error).code).toBe('in-use');
});

test('a fault that has its name keeps it', () => {
  const fault = new LogFault('damaged', 'as it was');
  expect(faultOf(fault)).toBe(fault);
});

test('whoever still reads when the log is closed hears that it is closed', async () => {
  const log = await openedLog(await temporaryDirectory(), { window: { entries: 0, bytes: 0 } });
  await log.append(MAIN, frame(1), 'data');
  log.setCommitted(MAIN, 1);
  await log.close();
  await expect(framesOf(log, MAIN, 1)).rejects.toMatchObject({ code: 'closed' });
});
