/** Which model an object goes by is in its name: `lock/a`, `work/7`, `queue/b`, `register/x`. */
import type { Model } from '../model.ts';
import { GUARDED } from './guarded.ts';
import { LOCK } from './lock.ts';
import { REGISTER } from './register.ts';
import { WORK } from './work.ts';

const MODELS: Readonly<Record<string, Model<unknown>>> = {
  lock: LOCK,
  work: WORK,
  queue: GUARDED,
  register: REGISTER,
};

export function modelOf(key: string): Model<unknown> {
  const [kind = ''] = key.split('/');
  const model = MODELS[kind];
  if (model === undefined) throw new Error(`there is no model for ${key}`);
  return model;
}
