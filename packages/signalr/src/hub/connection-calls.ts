/*
 * The running invocations of one client, and its streams in both directions. They end with the connection.
 */
import { SignalRError } from '../errors.js';
import type { CallScope } from './call-scope.js';
import { type InvocationSlot, InvocationSlots } from './invocation-slots.js';
import { UploadStream } from './upload-stream.js';

/** Bounds of one client's calls. */
export interface CallLimits {
  readonly maximumParallelInvocationsPerClient: number;
  readonly streamBufferCapacity: number;
  /** Streams in each direction; ASP.NET Core has no such bound. */
  readonly maximumStreamsPerClient: number;
}

/** One upload with the guard of its items. */
export interface Upload {
  readonly stream: UploadStream;
  readonly isItem: (item: unknown) => boolean;
}

/**
 * Slots for invocations; streams by invocation id; uploads by stream id. Cancelable invocations are bounded by the slots, streams
 * and uploads by their limit.
 */
export class ConnectionCalls {
  readonly slots: InvocationSlots;
  readonly limits: CallLimits;
  /** Running calls by their invocation id. */
  readonly #calls = new Map<string, CallScope>();
  readonly #uploads = new Map<string, Upload>();
  #streamCount = 0;
  #isRefreshWaiting = false;
  #isEnded = false;

  constructor(limits: CallLimits) {
    this.limits = limits;
    this.slots = new InvocationSlots(limits.maximumParallelInvocationsPerClient);
  }

  get isFullOfStreams(): boolean {
    return this.#streamCount >= this.limits.maximumStreamsPerClient;
  }

  /** A slot for a refresh of credentials, in turn with the invocations. Undefined while an earlier refresh still waits for its slot. */
  async takeRefreshSlot(): Promise<InvocationSlot | undefined> {
    if (this.#isRefreshWaiting) return undefined;
    this.#isRefreshWaiting = true;
    const slot = await this.slots.take();
    this.#isRefreshWaiting = false;
    return slot;
  }

  /** Reserves the id of a stream. False when it is in use. */
  beginStream(invocationId: string, scope: CallScope): boolean {
    if (this.#calls.has(invocationId)) return false;
    this.#calls.set(invocationId, scope);
    this.#streamCount += 1;
    if (this.#isEnded) scope.cancel();
    return true;
  }

  endStream(invocationId: string): void {
    this.#calls.delete(invocationId);
    this.#streamCount -= 1;
  }

  /** Makes a running invocation cancelable by its id, unless another call has the id. */
  beginCancelable(invocationId: string | undefined, scope: CallScope): void {
    if (invocationId !== undefined && !this.#calls.has(invocationId)) this.#calls.set(invocationId, scope);
  }

  endCancelable(invocationId: string | undefined, scope: CallScope): void {
    if (invocationId !== undefined && this.#calls.get(invocationId) === scope)
      this.#calls.delete(invocationId);
  }

  /** False when no call has that id, which is not an error: both sides may end at the same time. */
  cancel(invocationId: string): boolean {
    const scope = this.#calls.get(invocationId);
    scope?.cancel();
    return scope !== undefined;
  }

  /** The first id that is already in use, or undefined when all are free. */
  firstUsedUpload(streamIds: readonly string[]): string | undefined {
    return streamIds.find((id, index) => this.#uploads.has(id) || streamIds.indexOf(id) !== index);
  }

  canBeginUploads(count: number): boolean {
    return this.#uploads.size + count <= this.limits.maximumStreamsPerClient;
  }

  beginUpload(streamId: string, isItem: Upload['isItem']): UploadStream {
    const stream = new UploadStream(this.limits.streamBufferCapacity);
    this.#uploads.set(streamId, { stream, isItem });
    if (this.#isEnded) this.#endUpload(stream);
    return stream;
  }

  upload(streamId: string): Upload | undefined {
    return this.#uploads.get(streamId);
  }

  /** The client has sent the last item. False when there is no such stream. */
  completeUpload(streamId: string, error?: Error): boolean {
    const upload = this.#uploads.get(streamId);
    upload?.stream.complete(error);
    return this.#uploads.delete(streamId);
  }

  /** The method has ended: further items of its streams are dropped. */
  abandonUpload(streamId: string, stream: UploadStream): void {
    stream.abandon();
    if (this.#uploads.get(streamId)?.stream === stream) this.#uploads.delete(streamId);
  }

  /** The client is gone: calls are canceled, and the read loop no longer waits for the readers of uploads. */
  cancelAll(): void {
    this.#isEnded = true;
    for (const scope of this.#calls.values()) scope.cancel();
    for (const { stream } of this.#uploads.values()) stream.stopWaiting();
  }

  /** The client is no longer read: ends uploads, and waits for running invocations. */
  async settle(): Promise<void> {
    this.cancelAll();
    for (const { stream } of this.#uploads.values()) this.#endUpload(stream);
    await this.slots.idle();
  }

  #endUpload(stream: UploadStream): void {
    stream.complete(new SignalRError('disconnected', 'The underlying connection was closed.'));
  }
}
