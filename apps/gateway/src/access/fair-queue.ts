// Decides which task may start: a bounded number at a time, with a bound for each owner, and the owners in turn. Pure.

/** Bounds of a {@link FairQueue}. */
export interface FairQueueOptions {
  readonly maxRunning: number;
  readonly maxRunningPerOwner: number;
  /** Maximum number of waiting tasks. Above it, `add` refuses the task. */
  readonly maxWaiting: number;
  readonly maxWaitingPerOwner: number;
}

interface Lane<Task> {
  running: number;
  readonly waiting: Task[];
}

/** The tasks of all owners. An owner with many tasks does not delay the tasks of the others. */
export class FairQueue<Task> {
  readonly #options: FairQueueOptions;
  /** The owners with a running or waiting task. */
  readonly #lanes = new Map<string, Lane<Task>>();
  /** The owners that have a waiting task and may start one, in turn. */
  readonly #ready = new Set<string>();
  #running = 0;
  #waiting = 0;

  constructor(options: FairQueueOptions) {
    this.#options = options;
  }

  /** True if a new task of this owner may start without waiting. */
  mayStart(owner: string): boolean {
    return this.#running < this.#options.maxRunning && this.#hasShare(this.#lanes.get(owner));
  }

  /** Counts a task that starts now. */
  start(owner: string): void {
    this.#laneOf(owner).running += 1;
    this.#running += 1;
  }

  /** Lets a task wait. Returns false if too many wait already. */
  add(owner: string, task: Task): boolean {
    const { maxWaiting, maxWaitingPerOwner } = this.#options;
    const isFull = (this.#lanes.get(owner)?.waiting.length ?? 0) >= maxWaitingPerOwner;
    if (isFull || this.#waiting >= maxWaiting) return false;
    const lane = this.#laneOf(owner);
    lane.waiting.push(task);
    this.#waiting += 1;
    if (this.#hasShare(lane)) this.#ready.add(owner);
    return true;
  }

  /** Takes a waiting task back. */
  remove(owner: string, task: Task): void {
    const lane = this.#lanes.get(owner);
    const index = lane?.waiting.indexOf(task) ?? -1;
    if (lane === undefined || index < 0) return;
    lane.waiting.splice(index, 1);
    this.#waiting -= 1;
    if (lane.waiting.length === 0) this.#ready.delete(owner);
    this.#drop(owner, lane);
  }

  /** Counts a task that has ended. */
  end(owner: string): void {
    const lane = this.#laneOf(owner);
    lane.running -= 1;
    this.#running -= 1;
    if (lane.waiting.length > 0) this.#ready.add(owner);
    this.#drop(owner, lane);
  }

  /** Takes the next waiting task and counts it as started. Returns `undefined` if none may start. */
  next(): Task | undefined {
    if (this.#running >= this.#options.maxRunning) return undefined;
    for (const owner of this.#ready) {
      this.#ready.delete(owner);
      const lane = this.#laneOf(owner);
      const task = lane.waiting.shift();
      if (task === undefined) continue;
      this.#waiting -= 1;
      this.start(owner);
      if (lane.waiting.length > 0 && this.#hasShare(lane)) this.#ready.add(owner);
      return task;
    }
    return undefined;
  }

  /** Takes all waiting tasks. */
  takeWaiting(): readonly Task[] {
    const taken: Task[] = [];
    for (const [owner, lane] of this.#lanes) {
      taken.push(...lane.waiting.splice(0));
      this.#drop(owner, lane);
    }
    this.#ready.clear();
    this.#waiting = 0;
    return taken;
  }

  #hasShare(lane: Lane<Task> | undefined): boolean {
    return (lane?.running ?? 0) < this.#options.maxRunningPerOwner;
  }

  #laneOf(owner: string): Lane<Task> {
    const known = this.#lanes.get(owner);
    if (known !== undefined) return known;
    const lane: Lane<Task> = { running: 0, waiting: [] };
    this.#lanes.set(owner, lane);
    return lane;
  }

  #drop(owner: string, { running, waiting }: Lane<Task>): void {
    if (running === 0 && waiting.length === 0) this.#lanes.delete(owner);
  }
}
