import { assert, assertEquals, assertMatch, assertNotMatch, assertStringIncludes } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { getColorEnabled, setColorEnabled } from "@std/fmt/colors";

import { formatDuration } from "../../src/lib/text_format.ts";
import type { ConductorEvent, InterruptedEvent, RespondedEvent, TunnelClosedEvent } from "../../src/observe/events.ts";
import { createLogger, formatJson, type LogLevel, type LogRecord } from "../../src/observe/log.ts";
import { createPrettyFormat } from "../../src/observe/log_pretty.ts";
import { printable } from "../../src/lib/printable.ts";

const NOW_MS = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
const about = { requestId: "r-1", route: "pathPrefix /api" } as const;

const ATTEMPTED: ConductorEvent = {
  type: "attempted",
  ...about,
  service: "blue",
  role: "primary",
  atMs: 0.25,
  hedge: false,
};
const SUCCEEDED: ConductorEvent = {
  ...about,
  type: "settled",
  service: "blue",
  role: "primary",
  success: true,
  status: 200,
  durationMs: 12.345678,
};
const REFUSED: ConductorEvent = {
  ...about,
  type: "settled",
  service: "green",
  role: "secondary",
  success: false,
  failure: "refused",
  durationMs: 0.8,
};
const REFUSED_DETAIL = {
  error: "Connection refused (os error 111)",
  address: "10.0.0.7:8081",
  cause: "connection refused at 10.0.0.7:8081: start the service, or correct its `url`",
} as const;
const SKIPPED: ConductorEvent = {
  ...about,
  type: "skipped",
  service: "copy",
  role: "shadow",
  reason: "body-too-large",
};
const FAILED_STATUS: ConductorEvent = { ...SUCCEEDED, success: false, status: 503 };
const ABORTED: ConductorEvent = { ...REFUSED, failure: "aborted" };
const RESPONDED: RespondedEvent = {
  ...about,
  type: "responded",
  method: "GET",
  path: "/api/hello",
  status: 200,
  service: "green",
  role: "secondary",
  fallback: true,
  durationMs: 1_234,
};
const INTERRUPTED: InterruptedEvent = {
  type: "interrupted",
  requestId: "r-1",
  route: "path /",
  service: "blue",
  failure: "reset",
};
const TUNNEL_CLOSED: TunnelClosedEvent = {
  type: "tunnel-closed",
  requestId: "r-1",
  route: "path /",
  service: "blue",
  role: "primary",
  protocol: "websocket",
  cause: "client",
  closeCode: 1000,
  clientBytes: 12,
  serviceBytes: 34,
  durationMs: 61_000,
};
const OPENED: ConductorEvent = { type: "breaker", service: "blue", state: "open", openForMs: 5_000 };
const HALF_OPENED: ConductorEvent = { type: "breaker", service: "blue", state: "half-open" };
const CLOSED: ConductorEvent = { type: "breaker", service: "blue", state: "closed" };
const UNHEALTHY: ConductorEvent = { type: "health", service: "blue", state: "unhealthy", status: 503 };
const HEALTHY: ConductorEvent = { type: "health", service: "blue", state: "healthy", status: 200 };
const CLIENT_LEFT: ConductorEvent = { ...INTERRUPTED, failure: "aborted" };

interface Written {
  readonly lines: string[];
  readonly observe: (event: ConductorEvent) => void;
  readonly log: (level: LogLevel, message: string, fields?: Record<string, unknown>) => void;
}

function record(format: (record: LogRecord) => string, level: LogLevel = "debug"): Written {
  const lines: string[] = [];
  const write = (line: string) => lines.push(line) > 0;
  return { lines, ...createLogger({ level, format, write, now: () => NOW_MS }) };
}

function lineFor(format: (record: LogRecord) => string, event: ConductorEvent): string {
  const { lines, observe } = record(format);
  observe(event);
  assertEquals(lines.length, 1);
  return lines[0] ?? "";
}

/** Lowest level at which each event is logged. */
const LEVELS: [name: string, event: ConductorEvent, level: LogLevel][] = [
  ["an attempt's start", ATTEMPTED, "debug"],
  ["a successful attempt", SUCCEEDED, "debug"],
  ["a failed attempt", REFUSED, "warn"],
  ["an attempt whose status counts as a failure", FAILED_STATUS, "warn"],
  ["an attempt aborted because the client disconnected", ABORTED, "debug"],
  ["an attempt that an open breaker rejected", { ...REFUSED, failure: "open-circuit" }, "debug"],
  ["a breaker that opened", OPENED, "warn"],
  ["a half-open breaker", HALF_OPENED, "debug"],
  ["a breaker that closed", CLOSED, "info"],
  ["a service that is unhealthy", UNHEALTHY, "warn"],
  ["a service that is healthy again", HEALTHY, "info"],
  ["a skipped shadow request", SKIPPED, "debug"],
  ["a request", RESPONDED, "info"],
  ["a request that failed at the gateway", { ...RESPONDED, status: 502 }, "warn"],
  ["a request that a limit refused", { ...RESPONDED, status: 503, refusal: "max-in-flight" }, "warn"],
  ["a timeout of a gateway behind conductor", { ...RESPONDED, status: 504 }, "warn"],
  ["an error of a service that is not a gateway's", { ...RESPONDED, status: 500 }, "info"],
  ["an interrupted response", INTERRUPTED, "warn"],
  ["a response interrupted by the client", CLIENT_LEFT, "debug"],
  ["the end of a tunnel", TUNNEL_CLOSED, "info"],
  ["the end of a mirrored tunnel", { ...TUNNEL_CLOSED, role: "shadow" }, "debug"],
];

for (const [name, event, expected] of LEVELS) {
  Deno.test(`createLogger() writes ${name} at ${expected}, and not above`, () => {
    const order: LogLevel[] = ["debug", "info", "warn", "error"];
    for (const level of order) {
      const { lines, observe } = record(formatJson, level);
      observe(event);
      assertEquals(lines.length, order.indexOf(level) <= order.indexOf(expected) ? 1 : 0, level);
      if (lines[0] !== undefined) assertEquals(JSON.parse(lines[0]).level, expected);
    }
  });
}

Deno.test("createLogger() ignores unknown events", () => {
  const { lines, observe } = record(formatJson);
  observe({ type: "compared" } as unknown as ConductorEvent);
  assertEquals(lines, []);
});

Deno.test("createLogger() never throws, even if the output does", () => {
  const write = () => {
    throw new Deno.errors.BrokenPipe("gone");
  };
  const logger = createLogger({ level: "debug", format: formatJson, write });
  logger.observe(RESPONDED);
  logger.log("error", "still here");
});

Deno.test("createLogger() reports the number of dropped lines when the reader is back", () => {
  const lines: string[] = [];
  let isStuck = false;
  const write = (line: string) => !isStuck && lines.push(line) > 0;
  const { log } = createLogger({ level: "info", format: formatJson, write, now: () => NOW_MS });
  log("info", "first");
  isStuck = true;
  for (let i = 0; i < 3; i++) log("info", "lost");
  isStuck = false;
  log("info", "second");
  log("info", "third");
  const parsed = lines.map((line) => JSON.parse(line));
  assertEquals(parsed.map(({ message }) => message), ["first", "log lines dropped", "second", "third"]);
  assertEquals(parsed[1].dropped, 3);
  assertEquals(parsed[1].level, "warn");
});

Deno.test("formatJson() writes a request with its id, method, path, status, service, duration and fallback", () => {
  assertEquals(JSON.parse(lineFor(formatJson, RESPONDED)), {
    time: "2026-01-02T03:04:05.678Z",
    level: "info",
    message: "request completed",
    requestId: "r-1",
    route: "pathPrefix /api",
    method: "GET",
    path: "/api/hello",
    status: 200,
    service: "green",
    role: "secondary",
    fallback: true,
    durationMs: 1234,
  });
});

Deno.test("formatJson() writes the words, the address and the cause of a failure", () => {
  const { error, address, cause } = JSON.parse(lineFor(formatJson, { ...REFUSED, ...REFUSED_DETAIL }));
  assertEquals({ error, address, cause }, REFUSED_DETAIL);
});

Deno.test("createLogger() writes five failures per second and service in full, then their number by reason", () => {
  using time = new FakeTime();
  const lines: string[] = [];
  const { observe, log } = createLogger({ level: "info", format: formatJson, write: (line) => lines.push(line) > 0 });
  for (let n = 0; n < 40; n++) {
    observe(REFUSED);
    observe(FAILED_STATUS);
    observe({ ...RESPONDED, status: 502 });
  }
  const messages = () => lines.splice(0).map((line) => JSON.parse(line).message);
  const counts = Object.groupBy(messages(), (message) => message);
  // Two services; requests are never suppressed at info.
  assertEquals([counts["attempt failed"]?.length, counts["request completed"]?.length], [10, 40]);
  time.tick(1_000);
  assertEquals(
    lines.splice(0).map((line) => JSON.parse(line)).map(({ level, message, service, suppressed, reasons }) => {
      return { level, message, service, suppressed, reasons };
    }),
    [
      { level: "warn", message: "more attempts failed", service: "green", suppressed: 35, reasons: { refused: 35 } },
      {
        level: "warn",
        message: "more attempts failed",
        service: "blue",
        suppressed: 35,
        reasons: { "status 503": 35 },
      },
    ],
  );
  observe(REFUSED);
  assertEquals(messages(), ["attempt failed"]);
  for (let n = 0; n < 9; n++) observe(REFUSED);
  messages();
  log("info", "stopped");
  assertEquals(messages(), ["more attempts failed", "stopped"]);
});

Deno.test("createLogger() also suppresses repeated failed requests above info", () => {
  using time = new FakeTime();
  const { lines, observe } = record(formatJson, "warn");
  for (let n = 0; n < 40; n++) observe({ ...RESPONDED, status: n % 2 === 0 ? 502 : 503 });
  time.tick(1_000);
  assertEquals(lines.length, 6);
  const { message, suppressed, reasons } = JSON.parse(lines[5]!);
  assertEquals({ message, suppressed, reasons }, {
    message: "more requests failed",
    suppressed: 35,
    reasons: { "status 503": 18, "status 502": 17 },
  });
});

Deno.test("createLogger() writes every failure at debug", () => {
  const { lines, observe } = record(formatJson, "debug");
  for (let n = 0; n < 40; n++) observe(REFUSED);
  assertEquals(lines.length, 40);
});

Deno.test("formatJson() writes durations to the microsecond", () => {
  assertEquals(JSON.parse(lineFor(formatJson, SUCCEEDED)).durationMs, 12.346);
});

/** Text of each event after the time. */
const PRETTY: [event: ConductorEvent, text: string][] = [
  [ATTEMPTED, "DEBUG ─▶ blue (primary, pathPrefix /api) r-1"],
  [{ ...ATTEMPTED, hedge: true }, "DEBUG ─▶ blue (primary, pathPrefix /api) as a hedge r-1"],
  [SKIPPED, "DEBUG ┄▷ copy (shadow) not sent: body-too-large r-1"],
  [{ ...ATTEMPTED, role: "shadow" }, "DEBUG ┄▷ blue (shadow, pathPrefix /api) r-1"],
  [SUCCEEDED, "DEBUG ← blue 200 in 12 ms (primary, pathPrefix /api) r-1"],
  [REFUSED, "WARN  green failed after 0.8 ms (secondary, pathPrefix /api): refused r-1"],
  [
    { ...REFUSED, ...REFUSED_DETAIL },
    "WARN  green failed after 0.8 ms (secondary, pathPrefix /api): refused: connection refused at 10.0.0.7:8081: start the service, or correct its `url` r-1",
  ],
  [
    { ...INTERRUPTED, failure: "protocol", error: "invalid chunk\x1b", address: "10.0.0.7:80" },
    "WARN  response of blue interrupted: protocol: invalid chunk\\x1b (10.0.0.7:80) r-1",
  ],
  [FAILED_STATUS, "WARN  blue failed after 12 ms (primary, pathPrefix /api): status 503 r-1"],
  [RESPONDED, "INFO  200 GET /api/hello ← green (fallback) in 1.23 s r-1"],
  [
    {
      ...{ type: "responded", requestId: "r-3", method: "PUT", path: "/x", durationMs: 0.31 },
      ...{ status: 503, refusal: "max-uploads", fallback: false },
    },
    "WARN  503 PUT /x ← conductor (max-uploads) in 0.3 ms r-3",
  ],
  [
    { type: "responded", requestId: "r-2", method: "PUT", path: "/x", status: 404, fallback: false, durationMs: 0.31 },
    "INFO  404 PUT /x ← conductor in 0.3 ms r-2",
  ],
  [INTERRUPTED, "WARN  response of blue interrupted: reset r-1"],
  [
    TUNNEL_CLOSED,
    "INFO  websocket of blue closed (client, close code 1000) after 61 s, 12 bytes sent, 34 received r-1",
  ],
  [UNHEALTHY, "WARN  blue is unhealthy: no requests are sent (status 503)"],
  [
    { type: "health", service: "blue", state: "unhealthy", failure: "refused" },
    "WARN  blue is unhealthy: no requests are sent (refused)",
  ],
  [HEALTHY, "INFO  blue is healthy: requests are sent again"],
  [OPENED, "WARN  breaker of blue opened: no requests for 5 s"],
  [HALF_OPENED, "DEBUG breaker of blue half-open: one request is sent as a probe"],
  [CLOSED, "INFO  breaker of blue closed: requests are sent again"],
];

for (const [event, text] of PRETTY) {
  Deno.test(`createPrettyFormat() writes "${text}"`, () => {
    const line = lineFor(createPrettyFormat({ color: false }), event);
    assertMatch(line, /^\d\d:\d\d:05\.678 /);
    assertEquals(line.slice("03:04:05.678 ".length), text + "\n");
  });
}

Deno.test("createPrettyFormat() writes the fields of lines that concern the process", () => {
  const { lines, log } = record(createPrettyFormat({ color: false }));
  log("info", "stopping", { signal: "SIGTERM", timeoutMs: 10_000, odd: undefined });
  assertStringIncludes(lines[0] ?? "", "INFO  stopping signal=SIGTERM timeoutMs=10000");
});

Deno.test("createPrettyFormat() colors only if requested, and respects NO_COLOR", () => {
  const before = getColorEnabled();
  // deno-lint-ignore no-control-regex
  const escape = /\x1b\[/;
  try {
    // Has no effect if NO_COLOR is set.
    setColorEnabled(true);
    assertEquals(escape.test(lineFor(createPrettyFormat({ color: true }), RESPONDED)), getColorEnabled());
    assertNotMatch(lineFor(createPrettyFormat({ color: false }), RESPONDED), escape);
    setColorEnabled(false);
    assertNotMatch(lineFor(createPrettyFormat({ color: true }), RESPONDED), escape);
  } finally {
    setColorEnabled(before);
  }
});

/** Characters that could start a line, hide text or control a terminal. */
const HOSTILE: [name: string, text: string, shown: string][] = [
  ["a line feed", "\n", "\\x0a"],
  ["a carriage return", "\r", "\\x0d"],
  ["an escape", "\x1b[2J", "\\x1b[2J"],
  ["NUL", "\0", "\\x00"],
  ["DEL", "\x7f", "\\x7f"],
  ["a C1 control (CSI)", "\x9b", "\\x9b"],
  ["next line", "\x85", "\\x85"],
  ["a line separator", "\u2028", "\\u2028"],
  ["a paragraph separator", "\u2029", "\\u2029"],
  ["a bidi override", "\u202e", "\\u202e"],
  ["a bidi isolate", "\u2066", "\\u2066"],
  ["a zero-width space", "\u200b", "\\u200b"],
  ["a no-break space", "\u00a0", "\\xa0"],
  ["a tag character", "\u{e0041}", "\\udb40\\udc41"],
  ["a lone surrogate", "\ud800", "\\ud800"],
];

for (const [name, text, shown] of HOSTILE) {
  Deno.test(`log lines cannot be forged with ${name}`, () => {
    const path = `/a${text}2026 INFO  200 GET /forged`;
    const event = { ...RESPONDED, path, method: `G${text}T`, requestId: `r${text}` };

    const pretty = lineFor(createPrettyFormat({ color: false }), event);
    assertStringIncludes(pretty, `/a${shown}2026\\x20INFO`);
    assertEquals(pretty.slice(0, -1), printable(pretty.slice(0, -1)));

    const json = lineFor(formatJson, event);
    assertEquals(json.slice(0, -1), printable(json.slice(0, -1)));
    assertEquals(JSON.parse(json).path, path);
    assertEquals(JSON.parse(json).method, event.method);
  });
}

Deno.test("printable() keeps words of every script", () => {
  const text = "blue grün 緑 зелёный ✓ → 🙂";
  assertEquals(printable(text), text);
});

Deno.test("createLogger() truncates long paths", () => {
  const line = lineFor(formatJson, { ...RESPONDED, path: "/" + "a".repeat(60_000) });
  assert(line.length < 3_000);
  assert(JSON.parse(line).path.endsWith("a…"));
});

for (
  const [durationMs, text] of [
    [0, "0.0 ms"],
    [0.84, "0.8 ms"],
    [9.94, "9.9 ms"],
    [9.96, "10 ms"],
    [999.4, "999 ms"],
    [
      999.6,
      "1 s",
    ],
    [1_250, "1.25 s"],
    [30_000, "30 s"],
  ] as const
) {
  Deno.test(`formatDuration() writes ${durationMs} as "${text}"`, () => assertEquals(formatDuration(durationMs), text));
}
