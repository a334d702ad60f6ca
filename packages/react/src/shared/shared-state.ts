// A loaded state of a room as components share it: loaded once for all components with the same key.
import type { Loader, LoadOptions, LoadSnapshot, Room, RoomLoad, Unsubscribe } from '@millrace/client';
import { whileUsed } from './while-used.js';

/** Where the state comes from, as a component gives it. */
export interface StateSource {
  readonly load: Loader<unknown>;
  readonly options: Omit<LoadOptions<unknown>, 'onState' | 'onEvent'>;
}

/** Dependencies of a {@link SharedState}. */
export interface SharedStateDependencies {
  readonly graceMs: () => number;
  /** Calls `attach` with the room, and with each room that replaces it, until the returned function is called. */
  attach(attach: (room: Room) => Unsubscribe): Unsubscribe;
  /** Called after every change of the snapshot. */
  onChange(): void;
  /** Called when no component uses the state any more. The object is not used afterwards. */
  onUnused(): void;
}

/** One state of a room. */
export class SharedState {
  /** The source from the component that was rendered last. Its functions are called; the other options count at the start. */
  source: StateSource;
  /** Uses the state until the returned function is called. */
  readonly use: () => Unsubscribe;
  readonly #dependencies: SharedStateDependencies;
  #load: RoomLoad<unknown> | undefined;

  constructor(source: StateSource, dependencies: SharedStateDependencies) {
    this.source = source;
    this.#dependencies = dependencies;
    this.use = whileUsed(() => {
      const detach = dependencies.attach((room) => this.#start(room));
      return () => {
        detach();
        dependencies.onUnused();
      };
    }, dependencies.graceMs);
  }

  get snapshot(): LoadSnapshot<unknown> | undefined {
    return this.#load?.snapshot;
  }

  reload(): void {
    this.#load?.reload();
  }

  #start(room: Room): Unsubscribe {
    const { options } = this.source;
    const { reduce, sequenceOf } = options;
    // The state stays on the screen when the client makes a new room.
    const shown = this.#load?.snapshot.state;
    const load = room.load<unknown>((context) => this.source.load(context), {
      ...options,
      ...(shown === undefined ? {} : { initial: { state: shown } }),
      ...(reduce && { reduce: (state, event) => (this.source.options.reduce ?? reduce)(state, event) }),
      ...(sequenceOf && { sequenceOf: (event) => (this.source.options.sequenceOf ?? sequenceOf)(event) }),
    });
    this.#load = load;
    const stop = load.subscribe(this.#dependencies.onChange);
    this.#dependencies.onChange();
    return () => {
      stop();
      load.close();
    };
  }
}
