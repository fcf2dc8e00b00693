import { expect, test } from 'vitest';
import { Fleet } from '../../tools/demo/fleet.ts';
import { arrivals } from '../../tools/demo/pace.ts';
import { QOS, type Task } from '../../tools/demo/trace.ts';

const NODE = { name: 'n', cpuMilli: 8000, memoryMib: 4096, gpus: 2, model: 'T4' };

function task(about: Partial<Task>): Task {
  return {
    name: 't',
    cpuMilli: 1000,
    memoryMib: 512,
    gpus: 1,
    gpuMilli: 1000,
    gpuModels: [],
    qos: 'LS',
    phase: 'Running',
    createdAt: 0,
    ran: 10,
    ...about,
  };
}

test('shares go to the GPU that is broken into, so that whole ones stay whole', () => {
  const [worker] = new Fleet([NODE], QOS).workers;
  expect(worker?.take(task({ name: 'a', gpuMilli: 400 }))).toBe(true);
  expect(worker?.take(task({ name: 'b', gpuMilli: 500 }))).toBe(true);
  expect(worker?.filter(1).gpu).toEqual({ model: 'T4', count: 1, milli: 1000 });
  expect(worker?.take(task({ name: 'c', gpuMilli: 200 }))).toBe(true);
  expect(worker?.filter(1).gpu).toEqual({ model: 'T4', count: 1, milli: 800 });
});

test('what a task held is free again when it is given back', () => {
  const [worker] = new Fleet([NODE], QOS).workers;
  const before = worker?.filter(1);
  worker?.take(task({ gpus: 2 }));
  expect(worker?.take(task({ name: 'other' }))).toBe(false);
  worker?.give('t');
  expect(worker?.filter(1)).toEqual(before);
});

test('a task that names a model nobody has, or is larger than any machine, can never run', () => {
  const fleet = new Fleet([NODE], QOS);
  expect(fleet.couldRun(task({ gpuModels: ['A10', 'T4'] }))).toBe(true);
  expect(fleet.couldRun(task({ gpuModels: ['A10'] }))).toBe(false);
  expect(fleet.couldRun(task({ gpus: 3 }))).toBe(false);
  expect(fleet.couldRun(task({ memoryMib: 4097 }))).toBe(false);
});

test('arrivals keep their order, end within the whole, and idle stretches are cut', () => {
  const created = [0, 10, 20, 30, 1_000_000, 1_000_010];
  const paced = arrivals(
    created.map((createdAt) => task({ createdAt })),
    1000,
  );
  const times = paced.map(({ at }) => at);
  expect(times).toEqual([...times].sort((a, b) => a - b));
  expect(times.at(-1)).toBeLessThanOrEqual(1000);
  expect(times[4]).toBeLessThan(1000);
});
