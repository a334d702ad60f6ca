// A catalog with type names that cannot be keys of a document, or that would share a key.
import { type AnyCatalog, defineCatalog, defineEventType, eventCatalog } from '@millrace/contract';

export function catalogOfOddNames(): AnyCatalog {
  const [chat] = eventCatalog.eventTypes;
  const names = ['chat:typing', 'chat-typing', 'chat typing', 'ünd/so'];
  const eventTypes = names.map((name) => defineEventType({ ...chat, name }));
  return defineCatalog({ streams: eventCatalog.streams, eventTypes });
}
