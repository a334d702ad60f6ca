// Event types of an application's own catalog. Their indicator shows the agents who are viewing a room.
import { defineEventType, Type, uuid } from '@millrace/contract';

/**
 * Defines `agent_viewing`, which shows an agent for `expiresAfterMs`, and `agent_left`, which ends this indicator. The stream
 * of both types is `events:ticket`.
 */
export function agentEvents({ expiresAfterMs }: { readonly expiresAfterMs: number }) {
  const agentViewing = defineEventType({
    name: 'agent_viewing',
    payload: Type.Object({ agent_id: uuid(), agent_name: Type.String(), is_viewing: Type.Boolean() }),
    stream: 'events:ticket',
    lane: 'low',
    maxAgeMs: 60_000,
    replay: { mode: 'none' },
    indicator: {
      name: 'agent_viewing',
      isShown: ({ is_viewing }) => is_viewing,
      user: ({ agent_id, agent_name }) => ({ user_id: agent_id, username: agent_name }),
      payload: ({ user_id, username }, isShown) => ({
        agent_id: user_id,
        agent_name: username,
        is_viewing: isShown,
      }),
      expiresAfterMs,
    },
  });
  const agentLeft = defineEventType({
    name: 'agent_left',
    payload: Type.Object({ agent_id: uuid() }),
    stream: 'events:ticket',
    lane: 'high',
    maxAgeMs: null,
    replay: { mode: 'all' },
    endsCoalescing: { slot: 'agent_viewing', key: ({ agent_id }) => agent_id.toLowerCase() },
  });
  return { agentViewing, agentLeft };
}
