import { expect, test } from 'vitest';
import { isLoopback, parseAddress } from '../../../src/protocols/transport/address.ts';

test.each([
  ['10.0.0.7:4321', { kind: 'tcp', host: '10.0.0.7', port: 4321 }],
  ['node-1.example:1', { kind: 'tcp', host: 'node-1.example', port: 1 }],
  ['[fd00::7]:4321', { kind: 'tcp', host: 'fd00::7', port: 4321 }],
  ['[fe80::1%eth0]:4321', { kind: 'tcp', host: 'fe80::1%eth0', port: 4321 }],
  ['ws://host:8770', { kind: 'websocket', url: 'ws://host:8770/v1/peers', host: 'host' }],
  ['ws://[::1]:8770/', { kind: 'websocket', url: 'ws://[::1]:8770/v1/peers', host: '::1' }],
  ['wss://h/tunnel/a', { kind: 'websocket', url: 'wss://h/tunnel/a', host: 'h' }],
])('%s is an address', (text, target) => {
  expect(parseAddress(text)).toEqual(target);
});

test.each([
  '',
  'host',
  'host:',
  ':1',
  'host:0',
  'host:65536',
  'host:-1',
  'a b:1',
  'fd00::7:1',
  '[host',
  'ws://',
  'http://h:1',
])('"%s" is no address', (text) => {
  expect(parseAddress(text)).toBeUndefined();
});

test.each([
  ['127.0.0.1', true],
  ['127.255.0.9', true],
  ['::1', true],
  ['::ffff:127.0.0.1', true],
  ['localhost', true],
  ['10.0.0.5', false],
  ['127.0.0.1.example.com', false],
  ['1127.0.0.1', false],
  ['::ffff:10.0.0.5', false],
  ['undefined', false],
])('packets to %s stay on this machine: %s', (host, stays) => {
  expect(isLoopback(host)).toBe(stays);
});
