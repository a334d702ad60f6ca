'use client';
// Public exports of @millrace/react. React Server Components may import this module. Its components then render on the
// client.
export { type ConnectionView, useClient, useConnection } from './hooks/use-connection.js';
export { useEvents, useResync } from './hooks/use-events.js';
export { usePresence } from './hooks/use-presence.js';
export { useRoom } from './hooks/use-room.js';
export { type RoomState, type RoomStateOptions, useRoomState } from './hooks/use-room-state.js';
export { type Typing, useTyping } from './hooks/use-typing.js';
export { MillraceProvider, type MillraceProviderProps } from './provider.js';
export type { EventsOf, Register, RoomRef, RoomView, RoomViewStatus } from './types.js';
