import { describe, expect, test } from 'vitest';
import { goesBy, gpuPower, UNKNOWN_POWER_MILLI } from '../../src/projections/gpu-power.ts';
import { World } from './world.ts';

const power = (model: string, world = new World()): number => gpuPower(world.tables, model);

describe('the power of a model', () => {
  test('is that of its exact name', () => {
    expect([power('GH200'), power('H100'), power('RTX_5090'), power('CPU')]).toEqual([
      1200, 1000, 700, 100,
    ]);
  });

  test('is that of the longest known name it begins with', () => {
    const world = new World();
    world.do('set_gpu_power', { model: 'A100-SXM4', power_milli: 850 });
    expect(power('A100-SXM4-80GB', world)).toBe(850);
    expect(power('A100-PCIE-40GB', world)).toBe(800);
    expect(power('GH200 480GB', world)).toBe(1200);
  });

  test('is small for what nobody knows', () => {
    expect(power('Voodoo2')).toBe(UNKNOWN_POWER_MILLI);
    expect(power('')).toBe(UNKNOWN_POWER_MILLI);
    expect(power('a100')).toBe(UNKNOWN_POWER_MILLI);
  });

  test('is what an operator set, in place of the default', () => {
    const world = new World();
    world.do('set_gpu_power', { model: 'A10', power_milli: 444 });
    expect(power('A10', world)).toBe(444);
    expect(world.machine.command('set_gpu_power')?.role).toBe('operator');
  });

  test('can be set conditionally on its last change', () => {
    const world = new World();
    expect(
      world.apply('set_gpu_power', { model: 'B200', power_milli: 2000 }, { if_index: 0 }).kind,
    ).toBe('applied');
    expect(
      world.apply('set_gpu_power', { model: 'B200', power_milli: 2100 }, { if_index: 0 }),
    ).toMatchObject({ kind: 'refused', code: 'precondition-failed', about: { index: 1 } });
  });
});

test('I8: a thousand models can be ranked, known ones changed, and no further one added', () => {
  const world = new World();
  for (let place = 0; place < 1000; place++)
    world.do('set_gpu_power', { model: `X${place}`, power_milli: 1 });
  expect(world.refused('set_gpu_power', { model: 'one more', power_milli: 1 })).toEqual({
    code: 'backpressure',
    about: { limit: 1000 },
  });
  world.do('set_gpu_power', { model: 'X7', power_milli: 2 });
  expect(power('X7', world)).toBe(2);
});

test('trap 20: no model is taken for one whose name it only contains', () => {
  expect(power('A100')).toBe(800);
  expect(power('A10')).toBe(400);
  expect(power('A10G')).toBe(UNKNOWN_POWER_MILLI);
  expect(power('A1000')).toBe(UNKNOWN_POWER_MILLI);
  expect(power('GH200')).toBe(1200);
  expect(power('H200')).toBe(UNKNOWN_POWER_MILLI);
  expect(power('RTX_4090_D')).toBe(500);
  expect(power('RTX_40900')).toBe(UNKNOWN_POWER_MILLI);
  expect(goesBy('A100', 'A10')).toBe(false);
  expect(goesBy('A100-SXM4-80GB', 'A100')).toBe(true);
  expect(goesBy('GH200', 'H200')).toBe(false);
});
