// Recognises control entries and passes them to their handlers. The dispatcher calls this first for each entry. Therefore a
// control entry is never checked as an event and never becomes a dead letter.
import type { Entry, StreamPosition } from '@millrace/broker';
import { type Control, type IgnoredControl, isControl, readControlEntry } from '@millrace/contract';

/** The place of a control entry in its stream. */
export interface ControlContext {
  readonly stream: string;
  readonly entry: Entry;
  /**
   * Present only during the warm-up: there are no clients yet, so nothing is sent. Returns the position, in one stream, of a
   * client that received all entries up to and including this one.
   */
  readonly positionOf?: (stream: string) => StreamPosition;
}

/** Handles the control entries of one kind. Called synchronously, in stream order. */
export type ControlHandler<Content extends Control> = (control: Content, place: ControlContext) => void;

/** A handler for each kind of control entry. */
export type ControlHandlers = {
  readonly [Kind in Control['kind']]: ControlHandler<Extract<Control, { readonly kind: Kind }>>;
};

/** Kind of a counted control entry. `ignored` is the reason why this build ignores the entry. */
export interface ControlCount {
  readonly kind: Control['kind'] | 'unknown';
  readonly outcome: 'followed' | `ignored_${IgnoredControl['ignored']}`;
}

/** Dependencies of {@link ControlEntries}. */
export interface ControlEntriesDependencies {
  readonly handlers: ControlHandlers;
  /** Called for each control entry that the tail reads. */
  onControl(count: ControlCount): void;
}

/** Handles the control entries of all streams. */
export class ControlEntries {
  readonly #dependencies: ControlEntriesDependencies;

  constructor(dependencies: ControlEntriesDependencies) {
    this.#dependencies = dependencies;
  }

  /** If the entry is a control entry, follows or ignores it and returns true. Returns false for any other entry. */
  handle(place: ControlContext): boolean {
    const control = readControlEntry(place.entry.fields);
    if (control === undefined) return false;
    if (isControl(control)) this.#follow(control, place);
    if (place.positionOf === undefined) this.#dependencies.onControl(countOf(control));
    return true;
  }

  #follow(control: Control, place: ControlContext): void {
    const { handlers } = this.#dependencies;
    switch (control.kind) {
      case 'erase':
        handlers.erase(control, place);
        break;
      case 'members':
        handlers.members(control, place);
        break;
      case 'sign_out':
        handlers.sign_out(control, place);
        break;
    }
  }
}

function countOf(control: Control | IgnoredControl): ControlCount {
  return isControl(control)
    ? { kind: control.kind, outcome: 'followed' }
    : { kind: 'unknown', outcome: `ignored_${control.ignored}` };
}
