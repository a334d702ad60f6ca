/*
 * The states of a connection.
 */

/**
 * The state of a connection. `handshaking`: only the handshake response is written. `open`: messages are sent in both directions.
 * `closing`: no further messages are accepted, and the transport is closing. `closed`: the transport has ended.
 */
export type ConnectionState = 'handshaking' | 'open' | 'closing' | 'closed';
