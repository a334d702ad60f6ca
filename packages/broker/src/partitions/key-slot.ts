// Computes the hash slot of a key as Redis Cluster does: CRC-16/XMODEM modulo 16384. The input is the hash tag of the key, or
// the whole key if it has none. Pure.

/** Number of hash slots of a cluster. */
export const SLOT_COUNT = 16_384;

const POLYNOMIAL = 0x1021;
const TABLE = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ POLYNOMIAL : crc << 1;
  return crc;
});

/** Returns the hash slot of `key`, as `CLUSTER KEYSLOT` does. */
export function keySlot(key: string): number {
  let crc = 0;
  for (const byte of Buffer.from(hashTag(key))) {
    crc = ((crc << 8) & 0xffff) ^ (TABLE[(crc >> 8) ^ byte] ?? 0);
  }
  return crc % SLOT_COUNT;
}

/** Returns the text between the first `{` and the next `}`. Returns the whole key if there is no such text. */
function hashTag(key: string): string {
  const start = key.indexOf('{');
  const end = start < 0 ? -1 : key.indexOf('}', start + 1);
  return end > start + 1 ? key.slice(start + 1, end) : key;
}
