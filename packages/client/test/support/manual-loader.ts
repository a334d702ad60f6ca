// A loader whose calls the test answers, and a load of room `a` that uses it.
import type {
  LoadContext,
  LoadedState,
  Loader,
  LoadOptions,
  LoadSnapshot,
  RoomLoad,
} from '../../src/index.js';
import { type Setup, setUp } from './fake-gateway.js';

/** One call of the loader. */
export interface ManualCall<S> {
  readonly context: LoadContext;
  resolve(result: S | LoadedState<S>): void;
  reject(error: Error): void;
}

export class ManualLoader<S> {
  /** All calls, oldest first. */
  readonly calls: ManualCall<S>[] = [];

  readonly load: Loader<S> = (context) =>
    new Promise((resolve, reject) => {
      this.calls.push({ context, resolve, reject });
    });

  /** The newest call. */
  get call(): ManualCall<S> {
    const call = this.calls.at(-1);
    if (call === undefined) throw new Error('The loader was not called');
    return call;
  }
}

/** The state in the tests: the numbers of the events that it contains. */
export type Numbers = readonly string[];

/** A client with a load of room `a`, and a record of what the load did. */
export interface LoadSetup extends Setup {
  readonly loader: ManualLoader<Numbers>;
  readonly load: RoomLoad<Numbers>;
  /** Each snapshot as text, for example `live 1 2 3`. */
  readonly shown: string[];
  /** The calls of `onState` and `onEvent`, as `state 1 2` and `event 3`. */
  readonly handed: string[];
  /** Answers the newest call of the loader. */
  readonly answer: (result: Numbers | LoadedState<Numbers>) => Promise<void>;
  /** Breaks the connection. The gateway refuses new connections until `comeBack`. */
  readonly loseGateway: () => Promise<void>;
  /** Lets the gateway accept connections again. Waits until the client is connected. */
  readonly comeBack: () => Promise<void>;
}

/** Returns a snapshot as text. */
export function textOf({ status, state }: LoadSnapshot<Numbers>): string {
  return [status, ...(state ?? ['–'])].join(' ');
}

/** Creates a client and a load of room `a`. The client is not connected. All random numbers are 0.5. */
export function setUpLoad(
  options: LoadOptions<Numbers> = {},
  clientOptions: Parameters<typeof setUp>[0] = {},
): LoadSetup {
  const setup = setUp({ retryMaxMs: 1_000, ...clientOptions });
  const loader = new ManualLoader<Numbers>();
  const handed: string[] = [];
  const shown: string[] = [];
  const load = setup.client.join('a').load(loader.load, {
    reduce: (state, { position }) => [...state, position.slice(1)],
    onState: (state) => handed.push(['state', ...state].join(' ')),
    onEvent: ({ position }) => handed.push(`event ${position.slice(1)}`),
    ...options,
  });
  load.subscribe(() => shown.push(textOf(load.snapshot)));
  const { gateway, clock } = setup;
  return {
    ...setup,
    loader,
    load,
    shown,
    handed,
    answer: async (result) => {
      loader.call.resolve(result);
      await clock.advance(0);
    },
    loseGateway: async () => {
      await clock.advance(5_000);
      gateway.isRefusing = true;
      gateway.connection.close();
      await clock.advance(0);
    },
    comeBack: async () => {
      gateway.isRefusing = false;
      while (setup.client.state === 'reconnecting' || setup.client.state === 'connecting')
        await clock.advance(500);
    },
  };
}

/** Creates a connected client with a load of room `a`. The first call of the loader was answered with `state`. */
export async function setUpLive(
  state: Numbers | LoadedState<Numbers> = ['1'],
  options: LoadOptions<Numbers> = {},
  clientOptions: Parameters<typeof setUp>[0] = {},
): Promise<LoadSetup> {
  const setup = setUpLoad(options, clientOptions);
  await setup.client.connect();
  await setup.client.room('a')?.joined;
  await setup.settle();
  await setup.answer(state);
  return setup;
}
