// A property test of `room.load`. Its steps are random: commits, publishes, losses, resyncs, cuts, outages, slow and failing
// loaders. At rest, the screen must always equal the database.
import { fakeClock } from '@millrace/testkit';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createClient, type DeliveredEvent, type Loader, type RoomLoad } from '../../src/index.js';
import {
  FORMS,
  type Form,
  type ModelCall,
  ModelDatabase,
  ModelGateway,
  type Row,
  rowOf,
  type Screen,
  TYPES,
} from '../support/model-room.js';

const empty: Screen = { chat_message: [], status_change: [] };

/** A screen, its database, and everything between them. `violations` must stay empty. */
class Model {
  readonly violations: string[] = [];
  readonly database = new ModelDatabase();
  readonly gateway = new ModelGateway();
  readonly clock = fakeClock();
  readonly client = createClient({
    url: 'http://gateway.test',
    createConnection: this.gateway.fake.createConnection,
    clock: this.clock,
    random: () => 0.5,
    maxHeldEvents: 6,
  });
  /** The calls of the loader that are not answered yet. */
  calls: ModelCall[] = [];
  /** The screen of an application that uses `onState` and `onEvent`. */
  screen: Screen = empty;
  #base: Screen = empty;
  #handled = new Set<number>();
  readonly #form: Form;
  readonly load: RoomLoad<Screen>;

  constructor(form: Form) {
    this.#form = form;
    this.client.onError(() => {});
    this.load = this.client.join('a').load<Screen>(this.#loader, {
      reduce: (screen, event) => this.#append(screen, rowOf(event)),
      onState: (state) => {
        this.screen = this.#base = state;
        this.#handled = new Set();
      },
      onEvent: (event) => this.#onEvent(event),
      sequenceOf: (event) => rowOf(event).number,
      whenDown: { pollMs: 3_000 },
    });
    this.load.subscribe(() => this.#onChange());
  }

  readonly #loader: Loader<Screen> = (context) =>
    new Promise((resolve, reject) => {
      if (this.#openCalls().length > 0) this.violations.push('two calls of the loader at once');
      this.calls.push({ context, resolve, reject, answer: undefined });
    });

  #openCalls(): ModelCall[] {
    this.calls = this.calls.filter(({ context }) => !context.signal.aborted);
    return this.calls;
  }

  /** Appends a row, unless the screen already has it. A state without `upTo` needs an application that ignores such rows. */
  #append(screen: Screen, { type, number }: Row): Screen {
    if (this.#form === 'none' && screen[type].includes(number)) return screen;
    return { ...screen, [type]: [...screen[type], number] };
  }

  #onEvent(event: DeliveredEvent): void {
    const row = rowOf(event);
    if (this.#handled.has(row.number)) this.violations.push(`${row.number} was handled twice`);
    if (this.#form !== 'none' && this.#base[row.type].includes(row.number))
      this.violations.push(`${row.number} was handled, although the state has it`);
    this.#handled.add(row.number);
    this.screen = this.#append(this.screen, row);
  }

  #onChange(): void {
    const { status, state } = this.load.snapshot;
    if (status !== 'live' || this.gateway.untoldLosses > 0) return;
    const all = this.database.read();
    for (const type of TYPES)
      if (String(state[type]) !== String(all[type].slice(0, state[type].length)))
        this.violations.push(`live with a gap: ${type} ${String(state[type])}`);
  }

  publish(type: (typeof TYPES)[number], isLost = false): void {
    const row = this.database.takeUnpublished(type);
    if (row === undefined) return;
    if (isLost) this.gateway.lose(row);
    else this.gateway.publish(row);
  }

  /** Commits a row whose event is lost, and lets the client learn of the loss. */
  loseNext(type: (typeof TYPES)[number]): void {
    this.database.commit(type);
    while (this.database.hasUnpublished(type)) this.publish(type, true);
    this.gateway.tell();
    while (this.gateway.hasMessages) this.gateway.receive();
  }

  /** Reads the database for the oldest call that has not read it yet. */
  read(): void {
    const call = this.#openCalls().find(({ answer }) => answer === undefined);
    if (call !== undefined) call.answer = this.database.answer(this.#form);
  }

  async answer(): Promise<void> {
    const [call] = this.#openCalls();
    if (call?.answer === undefined) return;
    this.calls.shift();
    call.resolve(call.answer);
    await this.clock.advance(0);
  }

  async fail(): Promise<void> {
    this.#openCalls().shift()?.reject(new Error('no database'));
    await this.clock.advance(0);
  }

  /** Lets time pass. First delivers everything that is on its way, because the wait for a named event has a limit. */
  async wait(ms: number): Promise<void> {
    if (this.#form === 'eventId') this.flush();
    await this.clock.advance(ms);
  }

  /** Publishes everything. Then runs the gateway and the client until they can do nothing more without the passing of time. */
  flush(): void {
    for (const type of TYPES) for (const _ of this.database.rows) this.publish(type);
    for (let steps = 0; this.gateway.isBusy && steps < 500; steps++) {
      this.gateway.tell();
      this.gateway.work();
      this.gateway.receive();
    }
  }

  down(): void {
    this.gateway.fake.isRefusing = true;
    this.gateway.cut();
  }

  /** Ends every fault, and waits until nothing happens any more. */
  async rest(): Promise<void> {
    this.gateway.fake.isRefusing = false;
    for (let turns = 0; turns < 500; turns++) {
      this.flush();
      const isQuiet =
        this.load.snapshot.status === 'live' && this.#openCalls().length === 0 && !this.gateway.isBusy;
      if (isQuiet) return;
      this.read();
      await this.answer();
      await this.wait(200);
    }
  }
}

const type = fc.constantFrom(...TYPES);
const step = fc.oneof(
  { weight: 5, arbitrary: type.map((of) => (model: Model) => model.database.commit(of)) },
  { weight: 5, arbitrary: type.map((of) => (model: Model) => model.publish(of)) },
  { weight: 1, arbitrary: type.map((of) => (model: Model) => model.publish(of, true)) },
  { weight: 2, arbitrary: type.map((of) => (model: Model) => model.loseNext(of)) },
  { weight: 2, arbitrary: fc.constant((model: Model) => model.gateway.tell()) },
  { weight: 6, arbitrary: fc.constant((model: Model) => model.gateway.work()) },
  { weight: 6, arbitrary: fc.constant((model: Model) => model.gateway.receive()) },
  { weight: 4, arbitrary: fc.constant((model: Model) => model.read()) },
  { weight: 4, arbitrary: fc.constant((model: Model) => model.answer()) },
  { weight: 1, arbitrary: fc.constant((model: Model) => model.fail()) },
  { weight: 1, arbitrary: fc.constant((model: Model) => model.load.reload()) },
  { weight: 1, arbitrary: fc.constant((model: Model) => model.gateway.cut()) },
  { weight: 1, arbitrary: fc.constant((model: Model) => model.down()) },
  { weight: 2, arbitrary: fc.constant((model: Model) => void (model.gateway.fake.isRefusing = false)) },
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 7_000 }).map((ms) => (model: Model) => model.wait(ms)) },
);

test('the screen equals the database at rest and handles no event that the state contains', async () => {
  const statuses = new Set<string>();
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...FORMS),
      fc.array(step, { minLength: 30, maxLength: 150 }),
      async (form, steps) => {
        const model = new Model(form);
        model.load.subscribe(() => statuses.add(model.load.snapshot.status));
        void model.client.connect();
        await model.clock.advance(0);
        for (const run of steps) await run(model);
        await model.rest();
        expect(model.violations).toEqual([]);
        expect(model.load.snapshot).toEqual({
          status: 'live',
          state: model.database.read(),
          error: undefined,
        });
        expect(model.screen).toEqual(model.database.read());
        await model.client.close();
        model.load.close();
        expect(model.clock.timerCount).toBe(0);
      },
    ),
    { numRuns: Number(process.env['LOAD_MODEL_RUNS'] ?? 300) },
  );
  // The random steps must reach every phase of a load.
  expect([...statuses].sort()).toEqual(['closed', 'disconnected', 'live', 'loading', 'polling']);
}, 1_200_000);
