const SLOTS = 16_384;

/**
 * CRC16 as the Redis Cluster specification wants it: XMODEM, polynomial 0x1021, starting from 0.
 */
const TABLE = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
  return crc;
});

export function crc16(text: string): number {
  let crc = 0;
  for (const byte of Buffer.from(text)) {
    crc = ((crc << 8) ^ TABLE[((crc >> 8) ^ byte) & 0xff]!) & 0xffff;
  }
  return crc;
}

/**
 * Only what stands between the first brace and the next closing one decides, unless that is
 * nothing.
 */
export function slotOf(key: string): number {
  const open = key.indexOf("{");
  const close = open < 0 ? -1 : key.indexOf("}", open + 1);
  return crc16(close > open + 1 ? key.slice(open + 1, close) : key) % SLOTS;
}
