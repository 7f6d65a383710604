import { assert, assertEquals } from "@std/assert";

import { createOutput, type Sink } from "../../src/server/output.ts";

interface SinkState extends Sink {
  readonly writes: string[];
}

/** Returns a sink that accepts at most `size` bytes per write. */
function sinkOf(size = Infinity, fail?: () => Error | undefined): SinkState {
  const writes: string[] = [];
  return {
    writes,
    isTerminal: () => false,
    write: (bytes) => {
      const error = fail?.();
      if (error !== undefined) return Promise.reject(error);
      const taken = bytes.subarray(0, size);
      writes.push(new TextDecoder().decode(taken));
      return Promise.resolve(taken.length);
    },
  };
}

Deno.test("createOutput() writes texts in order, and joins texts of the same turn", async () => {
  const sink = sinkOf();
  const output = createOutput(sink);
  output.write("a\n");
  output.write("b\n");
  await output.flush();
  output.write("c\n");
  await output.flush();
  assertEquals(sink.writes, ["a\nb\n", "c\n"]);
});

Deno.test("createOutput() continues after a partial write", async () => {
  const sink = sinkOf(3);
  const output = createOutput(sink);
  output.write("abcdefgh\n");
  await output.flush();
  assertEquals(sink.writes.join(""), "abcdefgh\n");
});

Deno.test("createOutput() loses no text that arrives during a write", async () => {
  const started = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  const writes: string[] = [];
  const output = createOutput({
    isTerminal: () => true,
    write: async (bytes) => {
      writes.push(new TextDecoder().decode(bytes));
      started.resolve();
      await release.promise;
      return bytes.length;
    },
  });
  assert(output.isTerminal);
  output.write("a\n");
  await started.promise;
  output.write("b\n");
  const flushed = output.flush();
  release.resolve();
  await flushed;
  assertEquals(writes, ["a\n", "b\n"]);
});

Deno.test("createOutput() drops texts if its reader has stopped", async () => {
  const release = Promise.withResolvers<void>();
  const output = createOutput({
    isTerminal: () => false,
    write: async (bytes) => {
      await release.promise;
      return bytes.length;
    },
  }, { maxBacklog: 10 });
  assertEquals(output.write("123456789\n"), true);
  assertEquals(output.write("x\n"), false);
  release.resolve();
  await output.flush();
  assertEquals(output.write("x\n"), true);
  await output.flush();
});

Deno.test("createOutput() writes nothing after its reader has closed", async () => {
  let attempts = 0;
  const output = createOutput(sinkOf(Infinity, () => {
    attempts++;
    return new Deno.errors.BrokenPipe("gone");
  }));
  output.write("a\n");
  await output.flush();
  for (let i = 0; i < 3; i++) assertEquals(output.write("b\n"), true);
  await output.flush();
  assertEquals(attempts, 1);
});

Deno.test("createOutput() survives a full disk, and writes again when there is room", async () => {
  let isFull = true;
  const sink = sinkOf(Infinity, () => isFull ? new Error("No space left on device") : undefined);
  const output = createOutput(sink);
  output.write("lost\n");
  await output.flush();
  isFull = false;
  output.write("written\n");
  await output.flush();
  assertEquals(sink.writes, ["written\n"]);
});
