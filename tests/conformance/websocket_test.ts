/**
 * WebSocket cases after the test suite of Autobahn (https://github.com/crossbario/autobahn-testsuite), as raw frames.
 * An echo service must respond behind conductor as it does without it, byte for byte.
 */

import { assert, assertEquals } from "@std/assert";
import { readUntil } from "../_support/servers.ts";
import { startEchoServer, startUpgradeFront } from "../_support/web_sockets.ts";

const MASK = [0x37, 0xfa, 0x21, 0x3d];
const [CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG] = [0, 1, 2, 8, 9, 10];
const encoder = new TextEncoder();

interface FrameOptions {
  /** Default: true. */
  readonly final?: boolean;
  /** Reserved bits, 1 to 7. Default: 0. */
  readonly reserved?: number;
  /** Default: true, as clients must. */
  readonly masked?: boolean;
}

/** Returns a frame as a client sends it. */
function frame(opcode: number, payload: Uint8Array | string = "", options: FrameOptions = {}): Uint8Array {
  const { final = true, reserved = 0, masked = true } = options;
  const bytes = typeof payload === "string" ? encoder.encode(payload) : payload;
  const { length } = bytes;
  const size = length < 126
    ? [length]
    : length < 65_536
    ? [126, length >> 8, length & 255]
    : [127, 0, 0, 0, 0, length >>> 24, (length >> 16) & 255, (length >> 8) & 255, length & 255];
  size[0]! |= masked ? 0x80 : 0;
  const head = [(final ? 0x80 : 0) | (reserved << 4) | opcode, ...size, ...(masked ? MASK : [])];
  const whole = new Uint8Array(head.length + length);
  whole.set(head);
  whole.set(masked ? bytes.map((byte, index) => byte ^ MASK[index % 4]!) : bytes, head.length);
  return whole;
}

/** Returns the payload of a close frame. */
function code(value: number, reason: Uint8Array | string = ""): Uint8Array {
  const text = typeof reason === "string" ? encoder.encode(reason) : reason;
  return Uint8Array.from([value >> 8, value & 255, ...text]);
}

const filled = (length: number, byte = 42) => new Uint8Array(length).fill(byte);
const part = { final: false };
const INVALID_UTF8 = Uint8Array.from([0xce, 0xba, 0xe1, 0xbd, 0xb9, 0xed, 0xa0, 0x80, 0x65]);

const CASES: readonly (readonly [name: string, frames: readonly Uint8Array[]])[] = [
  ...[0, 125, 126, 127, 128, 65_535, 65_536].flatMap((length) => [
    [`1.1 text of ${length} bytes`, [frame(TEXT, filled(length))]] as const,
    [`1.2 binary of ${length} bytes`, [frame(BINARY, filled(length, 0xfe))]] as const,
  ]),
  ["2.1 ping without a payload", [frame(PING)]],
  ["2.4 ping of 125 bytes", [frame(PING, filled(125, 0xfe))]],
  ["2.5 ping of 126 bytes", [frame(PING, filled(126, 0xfe))]],
  ["2.7 pong without a ping", [frame(PONG)]],
  ["2.8 pong with a payload, without a ping", [frame(PONG, "unsolicited")]],
  ["2.10 ten pings", Array.from({ length: 10 }, (_, index) => frame(PING, `payload-${index}`))],
  ...[1, 2, 4, 7].map((reserved) => [`3 reserved bits ${reserved}`, [frame(TEXT, "x", { reserved })]] as const),
  ["3.4 reserved bit after a message", [frame(TEXT, "first"), frame(TEXT, "x", { reserved: 4 }), frame(PING)]],
  ...[3, 7, 11, 15].map((opcode) => [`4 opcode ${opcode}`, [frame(opcode, "x"), frame(PING)]] as const),
  ["5.1 fragmented ping", [frame(PING, "a", part), frame(CONTINUATION, "b")]],
  ["5.3 two fragments", [frame(TEXT, "frag", part), frame(CONTINUATION, "ment")]],
  ["5.6 ping between fragments", [frame(TEXT, "frag", part), frame(PING, "between"), frame(CONTINUATION, "ment")]],
  ["5.9 continuation of nothing", [frame(CONTINUATION, "x"), frame(TEXT, "y")]],
  ["5.18 text within a fragmented text", [frame(TEXT, "a", part), frame(TEXT, "b")]],
  ["5.19 five fragments and two pings", [
    frame(TEXT, "1", part),
    frame(CONTINUATION, "2", part),
    frame(PING, "p1"),
    frame(CONTINUATION, "3", part),
    frame(CONTINUATION, "4", part),
    frame(PING, "p2"),
    frame(CONTINUATION, "5"),
  ]],
  ["6.2 UTF-8 in pieces of one byte", [
    ...[...encoder.encode("Hello-µ@ßöäüàá-UTF-8!!")].map((byte, index) =>
      frame(index === 0 ? TEXT : CONTINUATION, Uint8Array.of(byte), part)
    ),
    frame(CONTINUATION),
  ]],
  ["6.3 invalid UTF-8", [frame(TEXT, INVALID_UTF8)]],
  ["6.4 invalid UTF-8 in fragments", [frame(TEXT, INVALID_UTF8.slice(0, 5), part), frame(CONTINUATION, "x")]],
  ["7.1.2 two close frames", [frame(CLOSE, code(1000)), frame(CLOSE, code(1000))]],
  ["7.1.3 ping after close", [frame(CLOSE, code(1000)), frame(PING)]],
  ["7.1.5 close within a message", [frame(TEXT, "a", part), frame(CLOSE, code(1000)), frame(CONTINUATION, "b")]],
  ["7.3.1 close without a payload", [frame(CLOSE)]],
  ["7.3.2 close with one byte", [frame(CLOSE, filled(1))]],
  ["7.3.4 close with a reason", [frame(CLOSE, code(1000, "Hello World!"))]],
  ["7.3.6 close with 124 bytes of reason", [frame(CLOSE, code(1000, filled(124)))]],
  ["7.5.1 close with an invalid reason", [frame(CLOSE, code(1000, INVALID_UTF8))]],
  ...[1000, 1001, 1002, 1003, 1007, 1011, 3000, 4999].map((value) =>
    [`7.7 valid close code ${value}`, [frame(CLOSE, code(value))]] as const
  ),
  ...[0, 999, 1004, 1005, 1006, 1016, 2999, 5000].map((value) =>
    [`7.9 invalid close code ${value}`, [frame(CLOSE, code(value))]] as const
  ),
  ["9 a message of 1 MiB in fragments of 4 KiB", [
    ...Array.from({ length: 255 }, (_, index) => frame(index === 0 ? BINARY : CONTINUATION, filled(4_096), part)),
    frame(CONTINUATION, filled(4_096)),
  ]],
  ["frame without a mask", [frame(TEXT, "x", { masked: false })]],
];

/**
 * Sends the frames and then a close frame, as fast as possible or byte by byte, and returns everything that follows the
 * head of the response.
 */
async function exchange(port: number, frames: readonly Uint8Array[], inBytes: boolean): Promise<Uint8Array> {
  using connection = await Deno.connect({ port, hostname: "127.0.0.1" });
  connection.setNoDelay(true);
  const head = "GET / HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
  await connection.write(encoder.encode(head));
  assert((await readUntil(connection)).startsWith("HTTP/1.1 101 "));
  const received: number[] = [];
  const reading = (async () => {
    const buffer = new Uint8Array(65_536);
    for (let count; (count = await connection.read(buffer)) !== null;) {
      for (const byte of buffer.subarray(0, count)) received.push(byte);
    }
  })().catch(() => {});
  // The service may have ended the connection after a violation.
  const send = async () => {
    for (const bytes of [...frames, frame(CLOSE, code(1000))]) {
      const pieceBytes = inBytes && bytes.length < 1_000 ? 1 : bytes.length;
      for (let at = 0; at < bytes.length; at += pieceBytes) {
        await writeAll(connection, bytes.subarray(at, at + pieceBytes));
      }
    }
  };
  await Promise.all([send().catch(() => {}), reading]);
  return Uint8Array.from(received);
}

async function writeAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}

for (const inBytes of [false, true]) {
  Deno.test(`${CASES.length} WebSocket cases ${inBytes ? "in single bytes " : ""}give the same bytes behind conductor`, async () => {
    await using echo = await startEchoServer();
    await using shadow = await startEchoServer();
    await using front = await startUpgradeFront({
      services: [
        { name: "api", url: echo.url, primary: true, upgrade: true },
        { name: "next", url: shadow.url, shadow: true, upgrade: true, maxInFlight: 1_000 },
      ],
    });
    for (const [name, frames] of CASES) {
      const direct = await exchange(echo.port, frames, inBytes);
      const behind = await exchange(front.port, frames, inBytes);
      assertEquals([behind.length, behind.every((byte, index) => byte === direct[index])], [direct.length, true], name);
    }
  });
}
