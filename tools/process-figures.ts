/**
 * What Linux tells about processes and the machine: CPU time, memory, flushes of the disk. Read from
 * /proc and /sys, so measuring costs the measured process nothing.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { readFile, statfs } from 'node:fs/promises';
import { arch, cpus, release, totalmem } from 'node:os';

/** Jiffies per second: 100 on every Linux that Node runs on (`getconf CLK_TCK`). */
const TICKS = 100;

/** utime and stime are fields 14 and 15; the second field is in parentheses and may hold blanks. */
export async function cpuSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

export interface Memory {
  /** Resident now, MiB. */
  readonly rss: number;
  /** The most that was ever resident, MiB. */
  readonly peak: number;
}

export async function memoryOf(pid: number): Promise<Memory> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const field = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? Number.NaN) / 1024;
  return { rss: field('VmRSS'), peak: field('VmHWM') };
}

/** Seconds that all cores together were not idle since boot; time stolen by the host counts as busy. */
export function busySeconds(): number {
  const [line = ''] = readFileSync('/proc/stat', 'utf8').split('\n');
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = line
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return (user + nice + system + irq + softirq + steal) / TICKS;
}

/** Flush requests of all disks since boot (field 19 of a device's line); NaN where it is not told. */
export function diskFlushes(): number {
  const lines = readFileSync('/proc/diskstats', 'utf8').trim().split('\n');
  const whole = lines.map((line) => line.trim().split(/\s+/)).filter(([, minor]) => minor === '0');
  return whole.reduce((sum, fields) => sum + Number(fields[18] ?? Number.NaN), 0);
}

/** Context switches of a process, voluntary and not: what an idle process costs besides ticks. */
export async function switchesOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const counts = [...status.matchAll(/ctxt_switches:\s+(\d+)/g)].map(([, count]) => Number(count));
  return counts.reduce((sum, count) => sum + count, 0);
}

export interface MachineFacts {
  readonly cores: number;
  readonly cpu: string;
  readonly memory_gib: number;
  readonly kernel: string;
  readonly arch: string;
  readonly node: string;
  readonly commit: string;
  readonly disk_free_gib: number;
}

function commit(): string {
  try {
    const head = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
    const changed = execFileSync('git', ['status', '--porcelain', '-uno'], { encoding: 'utf8' });
    return changed === '' ? head : `${head}, with changes`;
  } catch {
    return 'unknown';
  }
}

export async function machineFacts(): Promise<MachineFacts> {
  const { bavail, bsize } = await statfs('.');
  return {
    cores: cpus().length,
    cpu: cpus()[0]?.model ?? 'unknown',
    memory_gib: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    arch: arch(),
    node: process.version,
    commit: commit(),
    disk_free_gib: Math.round((bavail * bsize) / 2 ** 30),
  };
}
