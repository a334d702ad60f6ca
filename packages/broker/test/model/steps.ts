// Generates random lists of steps that the model test runs on a broker.
import fc from 'fast-check';
import type { World } from './world.js';

/** One step of a run, with a text for the report of a failed run. */
export class Step {
  readonly #text: string;
  readonly run: (world: World) => Promise<void> | void;

  constructor(text: string, run: (world: World) => Promise<void> | void) {
    this.#text = text;
    this.run = run;
  }

  toString(): string {
    return this.#text;
  }
}

const pick = fc.nat({ max: 5 });

function step<Values extends [unknown, ...unknown[]]>(
  weight: number,
  name: string,
  arbitraries: { [Index in keyof Values]: fc.Arbitrary<Values[Index]> },
  run: (world: World, ...values: Values) => Promise<void> | void,
) {
  const arbitrary = fc
    .tuple<Values>(...arbitraries)
    .map((values) => new Step(`${name}(${values.join(', ')})`, (world) => run(world, ...values)));
  return { weight, arbitrary };
}

const none = fc.constant('');

/**
 * Returns a fast-check arbitrary that generates lists of steps.
 * @param pauseMs length of the longest pause, which must exceed `livenessMs` and `leaseMs`
 * @param hasAccidents true to include steps that damage the store from outside, such as FLUSHALL
 */
export function steps(pauseMs: number, hasAccidents: boolean): fc.Arbitrary<Step[]> {
  const usual = [
    step(8, 'publish', [fc.integer({ min: 1, max: 12 })], (world, count) => world.publish(count)),
    step(3, 'publishAgain', [fc.nat()], (world, which) => world.publishAgain(which)),
    step(3, 'join', [none], (world) => world.join()),
    step(1, 'leave', [pick], (world, who) => world.leave(who)),
    step(1, 'crash', [pick], (world, who) => world.crash(who)),
    step(8, 'read', [pick, fc.integer({ min: 1, max: 20 })], (world, who, count) => world.read(who, count)),
    step(6, 'beat', [pick], (world, who) => world.beat(who)),
    step(8, 'pass', [pick, fc.integer({ min: 1, max: 20 })], (world, who, count) =>
      world.runPass(who, count),
    ),
    step(6, 'trim', [pick], (world, who) => world.trim(who)),
    step(1, 'passTime', [fc.constantFrom(Math.ceil(pauseMs / 3), pauseMs)], (world, ms) =>
      world.passTime(ms),
    ),
    step(2, 'savePosition', [pick], (world, who) => world.savePosition(who)),
    step(2, 'resume', [pick, fc.nat()], (world, who, position) => world.resume(who, position)),
  ];
  const accidents = [
    step(1, 'flush', [none], (world) => world.flush()),
    step(1, 'deleteStream', [pick], (world, who) => world.deleteStream(who)),
    step(1, 'destroyGroup', [none], (world) => world.destroyGroup()),
    step(1, 'trimFromOutside', [fc.integer({ min: 1, max: 30 })], (world, length) =>
      world.trimFromOutside(length),
    ),
  ];
  const all = hasAccidents ? [...usual, ...accidents] : usual;
  return fc.array(fc.oneof(...all), { minLength: 10, maxLength: 80, size: 'max' });
}
