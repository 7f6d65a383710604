import { assertEquals } from "@std/assert";
import { closeCodeOf, GOING_AWAY, WebSocketFrames } from "../../src/proxy/websocket_frames.ts";

/** Returns a frame, with a mask if one is given. */
function frame(opcode: number, payload: readonly number[], { mask, final = true }: {
  readonly mask?: readonly number[];
  readonly final?: boolean;
} = {}): number[] {
  const { length } = payload;
  const size = length < 126
    ? [length]
    : length < 65_536
    ? [126, length >> 8, length & 255]
    : [127, 0, 0, 0, 0, (length >> 24) & 255, (length >> 16) & 255, (length >> 8) & 255, length & 255];
  if (mask === undefined) return [opcode | (final ? 0x80 : 0), ...size, ...payload];
  const masked = payload.map((byte, index) => byte ^ mask[index % 4]!);
  return [opcode | (final ? 0x80 : 0), size[0]! | 0x80, ...size.slice(1), ...mask, ...masked];
}

const zeros = (length: number) => Array.from({ length }, () => 0);

Deno.test("WebSocketFrames finds the close code after frames of every length, in whatever pieces they arrive", () => {
  const bytes = Uint8Array.from([
    ...frame(1, zeros(5), { final: false }),
    ...frame(9, []),
    ...frame(0, zeros(126)),
    ...frame(2, zeros(70_000)),
    ...frame(8, [4001 >> 8, 4001 & 255, 104, 105]),
  ]);
  for (const pieceBytes of [1, 2, 3, 7, 1_000, bytes.length]) {
    const frames = new WebSocketFrames();
    for (let at = 0; at < bytes.length; at += pieceBytes) frames.push(bytes.subarray(at, at + pieceBytes));
    assertEquals([frames.closeCode, frames.isAtBoundary], [4001, true], `pieces of ${pieceBytes} bytes`);
  }
});

Deno.test("WebSocketFrames removes the mask of a client's close frame", () => {
  const frames = new WebSocketFrames();
  frames.push(Uint8Array.from(frame(8, [1001 >> 8, 1001 & 255], { mask: [1, 2, 3, 4] })));
  assertEquals(frames.closeCode, 1001);
});

Deno.test("WebSocketFrames reports 1005 for a close frame without a code", () => {
  const frames = new WebSocketFrames();
  frames.push(Uint8Array.from(frame(8, [])));
  assertEquals(frames.closeCode, 1005);
});

Deno.test("WebSocketFrames.pushToBoundary() stops at the end of the current frame", () => {
  const frames = new WebSocketFrames();
  const bytes = Uint8Array.from([...frame(2, zeros(10)), ...frame(2, zeros(20))]);
  frames.push(bytes.subarray(0, 4));
  assertEquals(frames.isAtBoundary, false);
  assertEquals(frames.pushToBoundary(bytes.subarray(4)), 8);
  assertEquals([frames.isAtBoundary, frames.pushToBoundary(bytes.subarray(12))], [true, 0]);
});

Deno.test("GOING_AWAY is a close frame with the code 1001", () => {
  const frames = new WebSocketFrames();
  frames.push(GOING_AWAY);
  assertEquals([frames.closeCode, frames.isAtBoundary], [1001, true]);
});

Deno.test("closeCodeOf() reports 1006 only if the service ended the connection without a close frame", () => {
  const frames = new WebSocketFrames();
  assertEquals(closeCodeOf(frames, "service"), 1006);
  assertEquals(closeCodeOf(frames, "failed"), 1006);
  assertEquals(closeCodeOf(frames, "idle"), undefined);
  assertEquals(closeCodeOf(frames, "cut-off"), undefined);
  assertEquals(closeCodeOf(undefined, "service"), undefined);
});

Deno.test("WebSocketFrames follows WebSockets only", () => {
  assertEquals(WebSocketFrames.of("WebSocket") !== undefined, true);
  assertEquals(WebSocketFrames.of("mqtt"), undefined);
});
